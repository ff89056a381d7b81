/** Says how an answer was looked for, and what the other way would have cost. */
import type { TurnRoute } from "@/api/types";
import { formatDuration, formatNumber } from "@/lib/format";

type Cost = NonNullable<TurnRoute["search"]>;

const WAYS: Record<TurnRoute["route"], string> = {
  search: "Passages found by search",
  whole_documents: "Whole documents",
  conversation: "What was said in this conversation",
  none: "Nothing: no sources were needed",
};

const costWords = (cost: Cost): string => `${formatNumber(cost.tokens)} tokens, about ${formatDuration(cost.seconds)}`;

export function routeWords({ route, reason, search, whole_documents: whole }: TurnRoute): string {
  const [taken, other] = route === "whole_documents" ? [whole, search] : [search, whole];
  const words = [WAYS[route]];
  if (taken) words.push(` (${costWords(taken)})`);
  if (other) words.push(`; ${route === "whole_documents" ? "a search" : "whole documents"} would have been ${costWords(other)}`);
  return `${words.join("")}. ${reason}`.trim();
}
