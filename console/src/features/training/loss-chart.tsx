import { useId } from "react";
import type { TrainingMetric } from "@/api/types";
import { curvesOf, ticksTo, type Point } from "@/features/training/curve";
import { gapText, nats } from "@/features/training/words";
import { formatNumber } from "@/lib/format";
import { useIsWide } from "@/lib/use-media-query";

/** In units of the drawing, which are pixels where there is room: words keep their size on a phone. */
const WIDE = 720;
const NARROW = 358;
const HEIGHT = 260;
const LEFT = 40;
const RIGHT = 132;
const TOP = 12;
const BOTTOM = 30;
const LABEL = 16;

/** Loss on what is learnt from and on what is held out, from 0; the distance of their ends is the gap. */
export function LossChart({ metrics, of }: { metrics: TrainingMetric[]; of: number }) {
  const titleId = useId();
  const width = useIsWide() ? WIDE : NARROW;
  const right = width - RIGHT;
  const curves = curvesOf(metrics);
  const ticks = ticksTo(curves.highest);
  const top = ticks[ticks.length - 1] ?? 1;
  const steps = Math.max(of, curves.lastStep);
  const x = (step: number) => LEFT + (step / steps) * (right - LEFT);
  const y = (loss: number) => TOP + (1 - loss / top) * (HEIGHT - TOP - BOTTOM);
  const training = curves.training[curves.training.length - 1];
  const heldOut = curves.heldOut[curves.heldOut.length - 1];
  const [trainingAt, heldOutAt] = apart(training && y(training.loss), heldOut && y(heldOut.loss));
  return (
    <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-labelledby={titleId} className="w-full max-w-[920px] text-ink" data-testid="loss-chart">
      <title id={titleId}>{said(training, heldOut)}</title>
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={LEFT} x2={right} y1={y(tick)} y2={y(tick)} className={tick === 0 ? "stroke-line-strong" : "stroke-line"} />
          <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end" className="fill-muted text-[12px] tabular-nums">
            {tick}
          </text>
        </g>
      ))}
      <text x={LEFT} y={HEIGHT - 8} className="fill-muted text-[12px]">
        Step 0
      </text>
      <text x={right} y={HEIGHT - 8} textAnchor="end" className="fill-muted text-[12px] tabular-nums">
        {formatNumber(steps)}
      </text>
      <Line points={curves.training} x={x} y={y} className="stroke-ink" />
      <Line points={curves.heldOut} x={x} y={y} className="stroke-seal" dashed />
      {training && trainingAt !== undefined && <Label x={right + 8} at={trainingAt} className="fill-ink" text={`Learnt from ${nats(training.loss)}`} />}
      {heldOut && heldOutAt !== undefined && <Label x={right + 8} at={heldOutAt} className="fill-seal" text={`Held out ${nats(heldOut.loss)}`} />}
    </svg>
  );
}

type LineProps = { points: Point[]; x: (step: number) => number; y: (loss: number) => number; className: string; dashed?: boolean };

function Line({ points, x, y, className, dashed = false }: LineProps) {
  const path = points.map(({ step, loss }, place) => `${place === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join("");
  return (
    <>
      <path d={path} fill="none" strokeWidth={1.75} strokeDasharray={dashed ? "5 3" : undefined} className={className} />
      {(dashed || points.length === 1) &&
        points.map(({ step, loss }) => <circle key={step} cx={x(step)} cy={y(loss)} r={2.5} fill="currentColor" className={dashed ? "text-seal" : "text-ink"} />)}
    </>
  );
}

function Label({ x, at, text, className }: { x: number; at: number; text: string; className: string }) {
  return (
    <text x={x} y={at + 4} className={`${className} text-[12px] font-medium tabular-nums`}>
      {text}
    </text>
  );
}

/** Where two labels stand so that both can be read. */
function apart(one: number | undefined, other: number | undefined): [number | undefined, number | undefined] {
  if (one === undefined || other === undefined || Math.abs(one - other) >= LABEL) return [one, other];
  const middle = Math.min((one + other) / 2, HEIGHT - BOTTOM - LABEL / 2);
  return one >= other ? [middle + LABEL / 2, middle - LABEL / 2] : [middle - LABEL / 2, middle + LABEL / 2];
}

function said(training: Point | undefined, heldOut: Point | undefined): string {
  const gap = training && heldOut ? gapText(heldOut.loss - training.loss) : null;
  const parts = [
    training && `Loss on what is learnt from ${nats(training.loss)}`,
    heldOut && `on held-out examples ${nats(heldOut.loss)}`,
    gap && `gap ${gap}`,
  ].filter(Boolean);
  return parts.length === 0 ? "No loss yet" : parts.join(", ");
}
