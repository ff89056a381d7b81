/** Losses over steps as the lines of a chart. Pure. */
import type { TrainingMetric } from "@/api/types";

export type Point = { step: number; loss: number };
export type Curves = { training: Point[]; heldOut: Point[]; lastStep: number; highest: number };

const MOST_POINTS = 300;

/** Many points are told by means of neighbours, so that a line stays a line. */
export function curvesOf(metrics: TrainingMetric[]): Curves {
  const training = metrics.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
  const heldOut = metrics.flatMap(({ step, held_out_loss }) => (held_out_loss === null ? [] : [{ step, loss: held_out_loss }]));
  const drawn = thinned(training);
  return {
    training: drawn,
    heldOut,
    lastStep: Math.max(1, ...metrics.map(({ step }) => step)),
    highest: Math.max(0, ...drawn.map(({ loss }) => loss), ...heldOut.map(({ loss }) => loss)),
  };
}

function thinned(points: Point[]): Point[] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  const means: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size);
    const last = part[part.length - 1];
    if (last) means.push({ step: last.step, loss: part.reduce((sum, { loss }) => sum + loss, 0) / part.length });
  }
  return means;
}

/** A round number at or above the highest value, and even steps to it from 0. */
export function ticksTo(highest: number): number[] {
  const rough = Math.max(highest, 0.001) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((each) => each >= rough) ?? 10 * power;
  return Array.from({ length: Math.ceil(Math.max(highest, 0.001) / step - 1e-9) + 1 }, (_, place) => Number((place * step).toPrecision(6)));
}
