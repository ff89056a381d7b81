import { useId, type ComponentProps, type ReactNode } from "react";
import { cn } from "@/lib/classes";

const BOX =
  "w-full rounded-md border border-line-strong bg-sheet px-3 text-ink placeholder:text-muted aria-invalid:border-fail disabled:opacity-60";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(BOX, "h-9", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cn(BOX, "min-h-20 py-2", className)} {...rest} />;
}

type FieldControl = { id: string; "aria-invalid": boolean; "aria-describedby": string | undefined };
type FieldProps = {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  className?: string;
  children: (control: FieldControl) => ReactNode;
};

/** A label, its control, and below it a hint or what is wrong. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <div className={cn("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="text-[13px] font-medium">
        {label}
      </label>
      {children({ id, "aria-invalid": Boolean(error), "aria-describedby": note ? noteId : undefined })}
      {note && (
        <p id={noteId} className={cn("text-[13px]", error ? "text-fail" : "text-muted")}>
          {note}
        </p>
      )}
    </div>
  );
}
