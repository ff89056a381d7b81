import { describe, expect, it } from "vitest";
import type { TrainingMetric } from "@/api/types";
import { curvesOf, ticksTo } from "@/features/training/curve";

const metric = (step: number, loss: number | null, held_out_loss: number | null = null): TrainingMetric => ({
  seq: step,
  step,
  of: 10,
  loss,
  held_out_loss,
  learning_rate: null,
  tokens: 0,
  tokens_per_second: null,
  seconds_left: null,
  at: "2026-01-01T00:00:00Z",
});

describe("curves of losses", () => {
  it("hold each loss where it was told", () => {
    const curves = curvesOf([metric(1, 3, 4), metric(2, 2), metric(3, null, 3.5)]);
    expect(curves.training).toEqual([{ step: 1, loss: 3 }, { step: 2, loss: 2 }]);
    expect(curves.heldOut).toEqual([{ step: 1, loss: 4 }, { step: 3, loss: 3.5 }]);
    expect([curves.lastStep, curves.highest]).toEqual([3, 4]);
  });

  it("of many steps are means, and keep the last step", () => {
    const { training } = curvesOf(Array.from({ length: 1000 }, (_, step) => metric(step + 1, step % 2)));
    expect(training.length).toBeLessThanOrEqual(300);
    expect(training.at(-1)?.step).toBe(1000);
    expect(training.every(({ loss }) => loss > 0.2 && loss < 0.8)).toBe(true);
  });

  it("stand on ticks from 0 to above the highest", () => {
    expect(ticksTo(3.9)).toEqual([0, 1, 2, 3, 4]);
    expect(ticksTo(0.7)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
    expect(ticksTo(4)).toEqual([0, 1, 2, 3, 4]);
    expect(ticksTo(0)[0]).toBe(0);
  });
});
