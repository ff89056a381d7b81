import { describe, expect, it } from "vitest";
import type { StrategyFigures } from "@/api/types";
import { costText, forgettingText, freshnessText } from "@/features/evaluations/strategy-words";

const FIGURES: StrategyFigures = {
  questions: 4,
  answerable: 3,
  right: 2,
  accuracy: { mean: 0.67, low: 0, high: 1 },
  f1: { mean: 0.6, low: 0, high: 1 },
  cited: 1,
  abstained_rightly: 1,
  abstained_wrongly: 0,
  tokens_per_right: 812.4,
  seconds_per_right: 3.2,
  p50_seconds: 1.4,
  freshness: { by: "index", seconds: 2.5, newer_documents: null },
  forgetting: { by: "deletion", asked_again: 2, still_right: 1 },
};

describe("what a way to answer costs and forgets", () => {
  it("is told by right answer", () => {
    expect(costText(FIGURES)).toBe("812 tokens, 3.2 s");
    expect(costText({ ...FIGURES, tokens_per_right: null, seconds_per_right: null })).toBe("None was right");
  });

  it("says by what a change arrives", () => {
    expect(freshnessText(FIGURES)).toBe("Once a document is read in, which took 2.5 s");
    expect(freshnessText({ ...FIGURES, freshness: { by: "training", seconds: 600, newer_documents: 3 } })).toContain("3 documents came after");
    expect(freshnessText({ ...FIGURES, freshness: { by: "nothing", seconds: null, newer_documents: null } })).toContain("Never");
  });

  it("says what is gone with the documents", () => {
    expect(forgettingText(FIGURES)).toBe("At once: without their documents 1 of 2 right answers was gone");
    expect(forgettingText({ ...FIGURES, forgetting: { by: "training", asked_again: 0, still_right: 2 } })).toContain("trained anew");
  });
});
