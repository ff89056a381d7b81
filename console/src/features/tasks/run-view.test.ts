import { expect, test } from "vitest";
import type { RecordedEvent, TaskEvent } from "@/api/types";
import { EMPTY_RUN, takeUp } from "@/features/tasks/run-view";

const model = { name: "m", weights_sha256: "0", engine: "e", prompt_tokens: 9, completion_tokens: 2, cached_tokens: 0 };
const payloads: TaskEvent[] = [
  { type: "task.started", request: "How long?" },
  {
    type: "plan.proposed",
    plan_sha256: "ab",
    steps: [
      { id: "s1", tool: "search", arguments: { query: "$request" }, after: [], purpose: "Find it" },
      { id: "s2", tool: "answer", arguments: {}, after: ["s1"], purpose: "Say it" },
    ],
  },
  { type: "step.started", step: "s1", tool: "search" },
  { type: "tool.requested", step: "s1", tool: "search", arguments: { query: "notice period" }, effect_key: null },
  { type: "retrieval.completed", step: "s1", query: "notice period", passages: [], allowed_count: 4, denied_count: 2, index_seq: 7, unit: "passage" },
  { type: "step.completed", step: "s1", tool: "search", summary: "Nothing near", seconds: 0.2 },
  { type: "step.started", step: "s2", tool: "answer" },
  { type: "model.prompted", call: "c1", step: "s2", purpose: "answer", messages: [{ role: "user", content: "?" }], constraint: null },
  { type: "step.output.delta", step: "s2", text: "Thirty " },
  { type: "step.output.delta", step: "s2", text: "days." },
  { type: "model.answered", call: "c1", step: "s2", purpose: "answer", text: "Thirty days.", finish_reason: "stop", model, mean_logprob: null, seconds: 1 },
];
const events: RecordedEvent[] = payloads.map((payload, index) => ({
  seq: index + 1,
  type: payload.type,
  at: "2025-03-01T12:00:00Z",
  payload,
  withheld: false,
}));

test("steps show what ran with the arguments it really ran with", () => {
  const view = events.reduce(takeUp, EMPTY_RUN);
  expect(view.steps.map((step) => step.state)).toEqual(["completed", "running"]);
  expect(view.steps[0]?.arguments).toEqual({ query: "notice period" });
  expect(view.steps[0]?.retrievals[0]).toMatchObject({ allowed: 4, denied: 2 });
  expect(view.draft).toBe("Thirty days.");
  expect(view.calls[0]?.answer?.text).toBe("Thirty days.");
});

test("events that come again after a resume are counted once", () => {
  const once = events.reduce(takeUp, EMPTY_RUN);
  expect(events.reduce(takeUp, once)).toEqual(once);
});

test("a task that is cancelled leaves no step running", () => {
  const cancelled: RecordedEvent = {
    seq: 99,
    type: "task.cancelled",
    at: "2025-03-01T12:00:05Z",
    withheld: false,
    payload: { type: "task.cancelled", message: "Cancelled on request." },
  };
  const view = [...events, cancelled].reduce(takeUp, EMPTY_RUN);
  expect(view.steps.map((step) => step.state)).toEqual(["completed", "cancelled"]);
});

test("lines put before the model are not taken for what a search found", () => {
  const line = { document_id: "d", document: "Staff", chunk_id: "c", start: 4, end: 18, text: "Thirty days.", score: 1.5 };
  const shown: RecordedEvent = {
    seq: 99,
    type: "retrieval.completed",
    at: "2025-03-01T12:00:05Z",
    withheld: false,
    payload: {
      type: "retrieval.completed",
      step: "s1",
      query: "notice period",
      passages: [line],
      allowed_count: 4,
      denied_count: 2,
      index_seq: 7,
      unit: "sentence",
    },
  };
  const [search] = [...events, shown].reduce(takeUp, EMPTY_RUN).steps;
  expect(search?.retrievals).toHaveLength(1);
  expect(search?.readings).toEqual([{ question: "notice period", lines: [line] }]);
});
