import { expect, test } from "vitest";
import type { TurnRoute } from "@/api/types";
import { routeWords } from "@/features/chat/route-words";

const cost = (tokens: number, seconds: number) => ({ tokens, seconds, measured: true });
const route = (changes: Partial<TurnRoute>): TurnRoute => ({
  route: "search",
  reason: "no model for long contexts",
  search: cost(900, 1.8),
  whole_documents: cost(40_000, 80),
  ...changes,
});

test.each([
  [
    route({}),
    "Passages found by search (estimated at 1.8 s; the other way at 1 min 20 s). The model isn’t made to read whole documents.",
  ],
  [route({ reason: "no documents", search: null, whole_documents: null }), "Passages found by search. There are no documents to read whole."],
  [route({ reason: "a reason of tomorrow", search: null, whole_documents: null }), "Passages found by search."],
  [
    route({ route: "whole_documents", reason: "fits", whole_documents: cost(800, 0.5) }),
    "Whole documents (estimated at 500 ms; the other way at 1.8 s). They are few and short enough to be read whole.",
  ],
])("a way is told with its reason", (given, words) => expect(routeWords(given)).toBe(words));
