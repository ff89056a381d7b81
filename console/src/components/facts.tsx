import { Fragment, type ReactNode } from "react";
import { cn } from "@/lib/classes";

export type Fact = [label: string, value: ReactNode];

/** Label and value pairs. Facts without a value are left out. */
export function Facts({ facts, className }: { facts: Fact[]; className?: string }) {
  const told = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl className={cn("grid grid-cols-[minmax(88px,auto)_1fr] content-start gap-x-4 gap-y-2", className)}>
      {told.map(([label, value]) => (
        <Fragment key={label}>
          <dt className="text-muted">{label}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

export function Section({ title, note, children }: { title: ReactNode; note?: ReactNode; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-3">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h2 className="font-semibold">{title}</h2>
        {note && <span className="text-muted">{note}</span>}
      </div>
      {children}
    </section>
  );
}
