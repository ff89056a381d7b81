import { DropdownMenu } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/classes";

const PANEL = "z-50 min-w-48 animate-rise rounded-md border bg-sheet p-1 shadow-overlay";
const ITEM =
  "flex h-8 cursor-pointer items-center gap-2 rounded-sm px-2 outline-none select-none data-[highlighted]:bg-well [&_svg]:size-4 [&_svg]:text-muted";

export const Menu = DropdownMenu.Root;
export const MenuTrigger = DropdownMenu.Trigger;
export const MenuRadioGroup = DropdownMenu.RadioGroup;

export function MenuPanel({ className, ...rest }: ComponentProps<typeof DropdownMenu.Content>) {
  return (
    <DropdownMenu.Portal>
      <DropdownMenu.Content sideOffset={6} collisionPadding={8} className={cn(PANEL, className)} {...rest} />
    </DropdownMenu.Portal>
  );
}

export function MenuItem({ className, ...rest }: ComponentProps<typeof DropdownMenu.Item>) {
  return <DropdownMenu.Item className={cn(ITEM, className)} {...rest} />;
}

export function MenuRadioItem({ children, ...rest }: ComponentProps<typeof DropdownMenu.RadioItem>) {
  return (
    <DropdownMenu.RadioItem className={cn(ITEM, "justify-between")} {...rest}>
      <span className="flex items-center gap-2">{children}</span>
      <DropdownMenu.ItemIndicator className="size-1.5 rounded-full bg-seal" />
    </DropdownMenu.RadioItem>
  );
}

export function MenuCheckboxItem({ children, ...rest }: ComponentProps<typeof DropdownMenu.CheckboxItem>) {
  return (
    <DropdownMenu.CheckboxItem className={cn(ITEM, "justify-between gap-4")} onSelect={(event) => event.preventDefault()} {...rest}>
      <span className="truncate">{children}</span>
      <DropdownMenu.ItemIndicator className="size-1.5 shrink-0 rounded-full bg-seal" />
    </DropdownMenu.CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="px-2 pt-2 pb-1 text-[12px] text-muted">{children}</DropdownMenu.Label>;
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="my-1 h-px bg-line" />;
}
