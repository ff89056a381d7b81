import { expect, test } from "vitest";
import type { TurnEvent } from "@/api/types";
import { EMPTY_TURN, takeUp, type TurnView } from "@/features/chat/turn-view";

const CITED = { document_id: "d", document: "Lease", start: 0, end: 5, quote: "three", quote_sha256: "ab", verified: true };
const PASSAGE = { document_id: "d", document: "Lease", chunk_id: "c", start: 0, end: 90, text: "three months", score: 0.7 };
const FOUND = { type: "retrieval.completed", step: "s", query: "notice", passages: [PASSAGE], allowed_count: 3, denied_count: 2, confidence: 0.9, index_seq: 1, unit: "passage" };

const fold = (...events: object[]): TurnView =>
  events.reduce<TurnView>((view, payload, index) => takeUp(view, { seq: index + 1, payload: payload as TurnEvent }), EMPTY_TURN);

const delta = (text: string) => ({ type: "step.output.delta", step: "s", text });

test("words that stream in stand after each other, and nothing else is said to be going on", () => {
  const view = fold({ type: "turn.started", text: "?" }, FOUND, delta("Three "), delta("months."));
  expect(view.draft).toBe("Three months.");
  expect(view.doing).toBe("");
});

test("an event that comes again after a resume adds nothing", () => {
  const view = fold(delta("Three "), delta("months."));
  expect(takeUp(view, { seq: 2, payload: delta("months.") as TurnEvent })).toBe(view);
});

test("lines that were read are kept apart from passages that were found", () => {
  const view = fold(FOUND, { ...FOUND, unit: "sentence" });
  expect(view.considered).toEqual([{ query: "notice", passages: [PASSAGE], allowed: 3, denied: 2, confidence: 0.9 }]);
  expect(view.lines).toEqual([[PASSAGE]]);
});

test("what a stopped turn had written stays", () => {
  const view = fold(delta("Three "), { type: "citation.added", step: "s", citation: CITED }, { type: "turn.stopped", message: "Stopped on request." });
  expect(view).toMatchObject({ draft: "Three ", citations: [CITED], doing: "" });
});

test("the end puts the checked answer in the place of the draft", () => {
  const view = fold(delta("Thr"), { type: "turn.completed", answer: "Three months.", citations: [CITED], recalled: [], abstained: false });
  expect(view).toMatchObject({ draft: "Three months.", citations: [CITED] });
});
