import { Check, ChevronDown } from "lucide-react";
import { Select as Radix } from "radix-ui";
import { cn } from "@/lib/classes";

/** Radix takes no empty value, so "no choice" travels under this name. */
const NONE = "__none__";

export type Option = { value: string; label: string };
type SelectProps = {
  value: string;
  onChange: (value: string) => void;
  options: Option[];
  label: string;
  id?: string;
  className?: string;
};

export function Select({ value, onChange, options, label, id, className }: SelectProps) {
  return (
    <Radix.Root value={value || NONE} onValueChange={(next) => onChange(next === NONE ? "" : next)}>
      <Radix.Trigger
        id={id}
        aria-label={label}
        className={cn(
          "inline-flex h-9 min-w-0 items-center justify-between gap-2 rounded-md border border-line-strong bg-sheet px-3 text-left hover:bg-well",
          className,
        )}
      >
        <span className="truncate">
          <Radix.Value />
        </span>
        <ChevronDown className="size-4 shrink-0 text-muted" />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          position="popper"
          sideOffset={4}
          collisionPadding={8}
          className="z-[70] max-h-80 min-w-(--radix-select-trigger-width) animate-rise overflow-hidden rounded-md border bg-sheet p-1 shadow-overlay"
        >
          <Radix.Viewport>
            {options.map((option) => (
              <Radix.Item
                key={option.value}
                value={option.value || NONE}
                className="flex h-8 cursor-pointer items-center justify-between gap-4 rounded-sm px-2 outline-none select-none data-[highlighted]:bg-well"
              >
                <Radix.ItemText>{option.label}</Radix.ItemText>
                <Radix.ItemIndicator>
                  <Check className="size-4 text-muted" />
                </Radix.ItemIndicator>
              </Radix.Item>
            ))}
          </Radix.Viewport>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
