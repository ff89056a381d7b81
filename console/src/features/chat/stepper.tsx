import { ChevronLeft, ChevronRight } from "lucide-react";
import type { Choice } from "@/features/chat/turn-tree";

type StepperProps = { choice: Choice; what: string; onChoose: (id: string) => void };

/** Steps through what could stand at a place: "2 of 3". Nothing where there is only one. */
export function Stepper({ choice: { ids, at }, what, onChoose }: StepperProps) {
  if (ids.length < 2) return null;
  const step = (by: -1 | 1, label: string) => {
    const id = ids[at + by];
    const Icon = by < 0 ? ChevronLeft : ChevronRight;
    return (
      <button
        type="button"
        disabled={id === undefined}
        onClick={() => id !== undefined && onChoose(id)}
        aria-label={`${label} ${what}`}
        className="grid size-6 place-items-center rounded-sm hover:bg-well hover:text-ink disabled:opacity-40"
      >
        <Icon aria-hidden className="size-4" />
      </button>
    );
  };
  return (
    <span className="inline-flex items-center gap-0.5 text-[13px] whitespace-nowrap text-muted tabular-nums" data-testid={`${what}-stepper`}>
      {step(-1, "Previous")}
      {at + 1} of {ids.length}
      {step(1, "Next")}
    </span>
  );
}
