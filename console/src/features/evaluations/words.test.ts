import { expect, test } from "vitest";
import { chance, signed, usesOf } from "@/features/evaluations/words";

test("differences carry their sign, and none where there is no difference", () => {
  expect([signed(0.0234), signed(-0.5), signed(0), signed(-0.0001)]).toEqual(["+0.023", "−0.500", "0.000", "0.000"]);
});

test("small chances are bounded instead of rounded to nothing", () => {
  expect([chance(0.0001), chance(0.0321), chance(1)]).toEqual(["p < 0.001", "p = 0.032", "p = 1.000"]);
});

test("what a configuration uses reads as a phrase", () => {
  expect(usesOf({ name: "words", uses: ["words"] })).toBe("words");
  expect(usesOf({ name: "default", uses: ["meaning", "words", "rerank"] })).toBe("meaning, words and rerank");
});
