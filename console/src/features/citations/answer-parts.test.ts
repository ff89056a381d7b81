import { expect, test } from "vitest";
import type { Citation } from "@/api/types";
import { answerParts } from "@/features/citations/answer-parts";

const citation = (quote: string): Citation => ({
  document_id: "d",
  document: "Terms.pdf",
  chunk_id: null,
  start: 0,
  end: quote.length,
  quote,
  quote_sha256: "",
  verified: true,
});

test("marks in the text become numbers, others are left as words", () => {
  expect(answerParts("Thirty days [1]. See [9].", [citation("thirty days")])).toEqual([
    { text: "Thirty days" },
    { citation: 1 },
    { text: ". See [9]." },
  ]);
});

test("without marks the number stands after its quote, or at the end", () => {
  expect(answerParts("It is thirty days from receipt.", [citation("thirty days"), citation("elsewhere")])).toEqual([
    { text: "It is thirty days" },
    { citation: 1 },
    { text: " from receipt." },
    { citation: 2 },
  ]);
});
