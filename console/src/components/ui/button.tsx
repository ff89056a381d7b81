import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/lib/classes";

const LOOKS = {
  primary: "bg-solid text-on-solid hover:opacity-90",
  secondary: "border border-line-strong bg-sheet text-ink hover:bg-well",
  quiet: "text-ink hover:bg-well",
  danger: "border border-fail bg-sheet text-fail hover:bg-fail-wash",
};
const SIZES = { normal: "h-9 px-3.5", small: "h-8 px-2.5 text-[13px]", icon: "size-9", "icon-small": "size-8" };

type ButtonProps = ComponentProps<"button"> & {
  look?: keyof typeof LOOKS;
  size?: keyof typeof SIZES;
  asChild?: boolean;
};

export function Button({ look = "secondary", size = "normal", asChild, className, type = "button", ...rest }: ButtonProps) {
  const Element = asChild ? Slot.Root : "button";
  return (
    <Element
      {...(asChild ? {} : { type })}
      className={cn(
        "inline-flex shrink-0 items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0",
        LOOKS[look],
        SIZES[size],
        className,
      )}
      {...rest}
    />
  );
}
