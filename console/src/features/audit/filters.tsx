import { X } from "lucide-react";
import type { ReactNode } from "react";
import { AUDIT_EVENT_TYPES, AUDIT_OUTCOMES } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { AuditFilter } from "@/features/audit/api";
import { eventName } from "@/features/audit/names";
import { cn } from "@/lib/classes";
import { humanise, shortHash } from "@/lib/format";

const EVENTS = AUDIT_EVENT_TYPES.flat().map((value) => ({ value, label: eventName(value) }));
const OUTCOMES = AUDIT_OUTCOMES.map((value) => ({ value, label: humanise(value) }));

type FiltersProps = { filter: AuditFilter; onChange: (part: AuditFilter) => void; onClear: () => void };

/** The filters of the record. They live in the address, so that a view can be sent to someone. */
export function Filters({ filter, onChange, onClear }: FiltersProps) {
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <search aria-label="Filter the records" className="flex flex-wrap items-end gap-3">
      <Labelled label="Event" className="w-40">
        <Select
          label="Event"
          value={filter.event_type ?? ""}
          options={[{ value: "", label: "Any" }, ...EVENTS]}
          onChange={(value) => onChange({ event_type: value || undefined })}
          className="w-full"
        />
      </Labelled>
      <Labelled label="Outcome" className="w-36">
        <Select
          label="Outcome"
          value={filter.outcome ?? ""}
          options={[{ value: "", label: "Any" }, ...OUTCOMES]}
          onChange={(value) => onChange({ outcome: value || undefined })}
          className="w-full"
        />
      </Labelled>
      <Day label="From" value={filter.from} {...(filter.to ? { max: filter.to } : {})} onChange={(from) => onChange({ from })} />
      <Day label="To" value={filter.to} {...(filter.from ? { min: filter.from } : {})} onChange={(to) => onChange({ to })} />
      {filter.actor_id && <Chip label={`Actor ${shortHash(filter.actor_id)}`} onRemove={() => onChange({ actor_id: undefined })} />}
      {filter.task_id && <Chip label={`Task ${shortHash(filter.task_id)}`} onRemove={() => onChange({ task_id: undefined })} />}
      {isFiltered && (
        <Button look="quiet" onClick={onClear}>
          Clear
        </Button>
      )}
    </search>
  );
}

type DayProps = { label: string; value: string | undefined; min?: string; max?: string; onChange: (day: string | undefined) => void };

function Day({ label, value, min, max, onChange }: DayProps) {
  return (
    <Labelled label={label} className="w-[150px]">
      <Input type="date" aria-label={label} value={value ?? ""} min={min} max={max} onChange={(event) => onChange(event.target.value || undefined)} />
    </Labelled>
  );
}

function Labelled({ label, className, children }: { label: string; className?: string; children: ReactNode }) {
  return (
    <div className={cn("flex flex-col gap-1", className)}>
      <span aria-hidden className="text-[13px] text-muted">
        {label}
      </span>
      {children}
    </div>
  );
}

function Chip({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <span className="inline-flex h-9 items-center gap-1 rounded-md border border-line-strong bg-well pr-1 pl-3 text-[13px]">
      {label}
      <button type="button" onClick={onRemove} aria-label={`Remove the filter: ${label}`} className="grid size-7 place-items-center rounded-sm hover:bg-line">
        <X className="size-3.5" />
      </button>
    </span>
  );
}
