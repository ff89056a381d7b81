import type { ConfigurationResult, EvaluationResult } from "@/api/types";
import { MEASURES, range, share, type Measure } from "@/features/evaluations/words";
import { formatDuration } from "@/lib/format";

/** Each measure with what every configuration reached, on one scale from 0 to 1. */
export function ResultTable({ result }: { result: EvaluationResult }) {
  return (
    <div className="flex flex-col border-t" data-testid="evaluation-result">
      {MEASURES.map((measure) => (
        <div key={measure.id} className="grid gap-x-8 gap-y-2 border-b py-3 md:grid-cols-[minmax(0,280px)_minmax(0,1fr)]">
          <div>
            <h3 className="font-medium">{measure.name}</h3>
            <p className="text-[13px] text-muted">{measure.means}</p>
          </div>
          <ul className="flex flex-col gap-2">
            {result.configurations.map((one) => (
              <Reached key={one.configuration} of={one} measure={measure.id} />
            ))}
          </ul>
        </div>
      ))}
      <div className="grid gap-x-8 gap-y-2 border-b py-3 md:grid-cols-[minmax(0,280px)_minmax(0,1fr)]">
        <div>
          <h3 className="font-medium">Time of a search</h3>
          <p className="text-[13px] text-muted">Half were faster; one in twenty was slower</p>
        </div>
        <ul className="flex flex-col gap-2">
          {result.configurations.map((one) => (
            <li key={one.configuration} className="flex flex-wrap gap-x-4">
              <span className="w-28 truncate">{one.configuration}</span>
              <span className="tabular-nums">
                {formatDuration(one.p50_ms / 1000)}; {formatDuration(one.p95_ms / 1000)}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function Reached({ of, measure }: { of: ConfigurationResult; measure: Measure }) {
  const bounds = of.measures[measure];
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1">
      <span className="w-28 truncate" title={of.configuration}>
        {of.configuration}
      </span>
      <span className="w-44 tabular-nums">
        <span className="font-medium">{share(bounds.mean)}</span> <span className="text-muted">({range(bounds)})</span>
      </span>
      <IntervalBar {...bounds} />
    </li>
  );
}

/** A mean and its bounds on a line from 0 to 1. The numbers stand beside it. */
export function IntervalBar({ mean, low, high }: { mean: number; low: number; high: number }) {
  const at = (value: number) => `${value * 100}%`;
  return (
    <span aria-hidden className="relative h-3 min-w-40 flex-1">
      <span className="absolute inset-x-0 top-1/2 h-px bg-line" />
      <span className="absolute top-1/2 h-1 -translate-y-1/2 rounded-full bg-line-strong" style={{ left: at(low), width: at(high - low) }} />
      <span className="absolute top-0 h-3 w-0.5 -translate-x-1/2 bg-ink" style={{ left: at(mean) }} />
    </span>
  );
}
