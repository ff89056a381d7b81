import { Check } from "lucide-react";
import { Checkbox as Radix } from "radix-ui";
import { useId, type ReactNode } from "react";

type CheckboxProps = { checked: boolean; onChange: (checked: boolean) => void; label: ReactNode; note?: ReactNode };

export function Checkbox({ checked, onChange, label, note }: CheckboxProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5">
      <Radix.Root
        id={id}
        checked={checked}
        onCheckedChange={(next) => onChange(next === true)}
        className="mt-0.5 grid size-4 shrink-0 place-items-center rounded-sm border border-line-strong bg-sheet data-[state=checked]:border-solid data-[state=checked]:bg-solid"
      >
        <Radix.Indicator>
          <Check className="size-3 text-on-solid" strokeWidth={3} />
        </Radix.Indicator>
      </Radix.Root>
      <label htmlFor={id} className="min-w-0 cursor-pointer">
        {label}
        {note && <span className="block text-[13px] text-muted">{note}</span>}
      </label>
    </div>
  );
}
