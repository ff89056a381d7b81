/** Says how an answer was looked for, and why not the other way. */
import type { TurnRoute } from "@/api/types";
import { formatDuration } from "@/lib/format";

type Cost = NonNullable<TurnRoute["search"]>;

const WAYS: Record<TurnRoute["route"], string> = {
  search: "Passages found by search",
  whole_documents: "Whole documents",
  conversation: "What was said in this conversation",
  none: "Nothing: no sources were needed",
};

/** Reasons as the journal has them. One that isn't here is left out. */
const REASONS: Record<string, string> = {
  "no model for long contexts": "The model isn’t made to read whole documents.",
  "too many documents": "There are too many documents to read them whole.",
  "no documents": "There are no documents to read whole.",
  "another answer was asked for": "Another answer was asked for, so it was looked further.",
  "too long": "The documents are too long to be read whole.",
  "too slow": "Reading the documents whole would have taken longer.",
  fits: "They are few and short enough to be read whole.",
};

const seconds = (cost: Cost): string => formatDuration(cost.seconds);

export function routeWords({ route, reason, search, whole_documents: whole }: TurnRoute): string {
  const [taken, other] = route === "whole_documents" ? [whole, search] : [search, whole];
  const compares = taken && other && other.tokens > 0;
  const cost = compares ? ` (estimated at ${seconds(taken)}; the other way at ${seconds(other)})` : "";
  return `${WAYS[route]}${cost}. ${REASONS[reason] ?? ""}`.trim();
}
