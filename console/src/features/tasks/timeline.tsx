import { Calculator, FileSearch, FileText, MessageSquareQuote, PenLine, Wrench, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { ArgumentList } from "@/components/mono";
import { Status } from "@/components/status";
import { Elapsed } from "@/components/time";
import { CallLinks } from "@/features/tasks/call-links";
import { Lines, Passages } from "@/features/tasks/passages";
import type { ModelCall, RunView, StepView } from "@/features/tasks/run-view";
import { cn } from "@/lib/classes";
import { formatDuration, formatShare, humanise } from "@/lib/format";

const ICONS: Record<string, LucideIcon> = {
  search: FileSearch,
  read: FileText,
  calculate: Calculator,
  write_report: PenLine,
  answer: MessageSquareQuote,
};

/** The plan as it is carried out, one step below the other. */
export function Timeline({ run }: { run: RunView }) {
  const ahead = run.calls.filter((call) => call.step === null || !run.steps.some(({ id }) => id === call.step));
  return (
    <ol aria-label="Plan" data-testid="timeline" className="flex flex-col">
      {(ahead.length > 0 || run.intent) && (
        <Rung state="completed" icon={Wrench}>
          <p className="font-medium">Planned</p>
          {run.intent && (
            <p className="text-muted">
              Understood as {humanise(run.intent.name).toLowerCase()}
              {run.intent.confidence !== null && `, ${formatShare(run.intent.confidence)} sure`}
            </p>
          )}
          <CallLinks calls={ahead} />
        </Rung>
      )}
      {run.steps.map((step) => (
        <Step key={step.id} step={step} calls={run.calls.filter((call) => call.step === step.id)} />
      ))}
    </ol>
  );
}

function Step({ step, calls }: { step: StepView; calls: ModelCall[] }) {
  return (
    <Rung state={step.state} icon={ICONS[step.tool] ?? Wrench} id={step.id}>
      <div className="flex items-baseline justify-between gap-3">
        <p className="min-w-0 font-medium break-words">{step.purpose || humanise(step.tool)}</p>
        <span className="shrink-0 text-[13px] text-muted">
          {step.seconds !== null ? formatDuration(step.seconds) : step.state === "running" && <Elapsed from={step.startedAt} to={null} />}
        </span>
      </div>
      <p className="flex flex-wrap items-center gap-x-3 text-[13px]">
        <Status value={step.state} />
        <code className="font-mono text-[12.5px] text-muted">{step.tool}</code>
      </p>
      <ArgumentList values={step.arguments} />
      {step.summary && <p className="break-words">{step.summary}</p>}
      {step.failure && (
        <p className="rounded-md border border-fail/40 bg-fail-wash px-3 py-2">
          {step.failure.message} <code className="font-mono text-[12.5px]">{step.failure.code}</code>
        </p>
      )}
      {step.retrievals.map((retrieval, index) => (
        <Passages key={index} retrieval={retrieval} />
      ))}
      {step.readings.map((reading, index) => (
        <Lines key={index} reading={reading} />
      ))}
      <CallLinks calls={calls} />
    </Rung>
  );
}

type RungProps = { state: StepView["state"]; icon: LucideIcon; id?: string; children: ReactNode };

function Rung({ state, icon: Icon, id, children }: RungProps) {
  return (
    <li data-step={id} data-state={state} className="group relative flex gap-3 pb-6 last:pb-0">
      <span aria-hidden className="absolute top-8 bottom-1 left-[13px] w-px bg-line group-last:hidden" />
      <span
        aria-hidden
        className={cn(
          "grid size-7 shrink-0 place-items-center rounded-full border bg-sheet",
          state === "pending" && "border-dashed border-line-strong text-muted",
          state === "running" && "animate-breathe border-wait text-wait",
          state === "completed" && "border-line-strong text-ink",
          (state === "failed" || state === "cancelled") && "border-fail text-fail",
        )}
      >
        <Icon className="size-3.5" />
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-1.5 pt-1">{children}</div>
    </li>
  );
}
