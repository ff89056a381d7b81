import { Link } from "@tanstack/react-router";
import type { ModelCall } from "@/features/tasks/run-view";
import { formatDuration, formatNumber, humanise } from "@/lib/format";

/** The model calls of a step; each opens with its prompt and output. */
export function CallLinks({ calls }: { calls: ModelCall[] }) {
  if (calls.length === 0) return null;
  return (
    <ul aria-label="Model calls" className="flex flex-col">
      {calls.map((call) => (
        <li key={call.id}>
          <Link
            from="/tasks/$taskId"
            to="."
            search={(now) => ({ ...now, call: call.id })}
            resetScroll={false}
            data-testid="model-call"
            className="-mx-2 flex flex-wrap items-baseline justify-between gap-x-3 rounded-sm px-2 py-0.5 text-[13px] hover:bg-well"
          >
            <span className="underline decoration-line-strong underline-offset-4">Model call: {humanise(call.purpose).toLowerCase()}</span>
            <span className="text-muted">{call.answer ? cost(call.answer) : "writing…"}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function cost({ model, seconds }: NonNullable<ModelCall["answer"]>): string {
  return `${formatNumber(model.prompt_tokens)} → ${formatNumber(model.completion_tokens)} tokens, ${formatDuration(seconds)}`;
}
