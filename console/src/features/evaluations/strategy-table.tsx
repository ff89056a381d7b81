import type { StrategiesResult, StrategyResult } from "@/api/types";
import { IntervalBar } from "@/features/evaluations/result-table";
import { costText, forgettingText, freshnessText, shareOrNone, STRATEGIES } from "@/features/evaluations/strategy-words";
import { range, share } from "@/features/evaluations/words";
import { formatNumber } from "@/lib/format";

/** Each way to answer with what it got right, what that cost, how current it is and what it forgets. */
export function StrategyTable({ result }: { result: StrategiesResult }) {
  return (
    <div className="flex flex-col border-t" data-testid="strategies">
      {result.strategies.map((one) => (
        <section key={one.strategy} className="grid gap-x-8 gap-y-3 border-b py-4 md:grid-cols-[minmax(0,220px)_minmax(0,1fr)]">
          <div>
            <h3 className="font-medium">{STRATEGIES[one.strategy].name}</h3>
            <p className="text-[13px] text-muted">{STRATEGIES[one.strategy].means}</p>
          </div>
          <Figures of={one} />
        </section>
      ))}
    </div>
  );
}

function Figures({ of: { figures } }: { of: StrategyResult }) {
  if (!figures) return <p className="text-muted">Not measured: no adapter is published for the assistant.</p>;
  const told: [label: string, value: string][] = [
    ["Words shared (F1)", share(figures.f1.mean)],
    ["Cites right", figures.cited === null ? "It cites nothing" : shareOrNone(figures.cited)],
    ["Abstains when it must", shareOrNone(figures.abstained_rightly)],
    ["Abstains when it mustn’t", shareOrNone(figures.abstained_wrongly)],
    ["Cost of a right answer", costText(figures)],
    ["A change arrives", freshnessText(figures)],
    ["A deletion is forgotten", forgettingText(figures)],
  ];
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <span className="w-64 tabular-nums">
          <span className="font-medium">
            {formatNumber(figures.right)} of {formatNumber(figures.answerable)} right
          </span>{" "}
          <span className="text-muted">({range(figures.accuracy)})</span>
        </span>
        <IntervalBar {...figures.accuracy} />
      </p>
      <dl className="grid grid-cols-1 gap-x-8 gap-y-2 sm:grid-cols-2">
        {told.map(([label, value]) => (
          <div key={label} className="min-w-0">
            <dt className="text-[13px] text-muted">{label}</dt>
            <dd className="break-words tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
