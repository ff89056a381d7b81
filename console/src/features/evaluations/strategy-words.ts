/** Ways to answer, in words. */
import type { Evaluation, StrategiesResult, StrategyFigures, StrategyName } from "@/api/types";
import { formatDuration, formatNumber, formatShare, plural } from "@/lib/format";

export const STRATEGIES: Record<StrategyName, { name: string; means: string }> = {
  closed_book: { name: "From memory", means: "The model alone, without documents" },
  rag: { name: "Search", means: "With the passages that search finds" },
  adapter: { name: "Adapter", means: "What training left in the adapter, without documents" },
  both: { name: "Adapter and search", means: "With the passages that search finds" },
  long_context: { name: "Whole documents", means: "With the documents that search finds, whole, as many as fit" },
};

/** The ways that an evaluation measures, of search or of answers. */
export function waysOf({ kind, configurations }: Evaluation): string[] {
  return kind === "search" ? configurations : configurations.map((name) => STRATEGIES[name as StrategyName].name);
}

/** Answers to what it has learnt say what it remembers, not what it can. */
export function adapterText(adapter: StrategiesResult["adapter"]): string {
  if (!adapter) return "None is published";
  const learnt = adapter.learnt_questions ?? 0;
  return learnt > 0 ? `${adapter.name}, which has learnt ${formatNumber(learnt)} of these questions` : adapter.name;
}

export const shareOrNone = (value: number | null): string => (value === null ? "–" : formatShare(value));

export function costText({ tokens_per_right, seconds_per_right }: StrategyFigures): string {
  if (tokens_per_right === null || seconds_per_right === null) return "None was right";
  return `${formatNumber(Math.round(tokens_per_right))} tokens, ${formatDuration(seconds_per_right)}`;
}

/** How a change reaches its answers. */
export function freshnessText({ freshness: { by, seconds, newer_documents } }: StrategyFigures): string {
  const took = seconds === null ? "" : `, which took ${formatDuration(seconds)}`;
  const newer = newer_documents ? `; ${plural(newer_documents, "document")} came after the adapter` : "";
  if (by === "index") return `Once a document is read in${took}${newer}`;
  return by === "training" ? `Once it is trained anew${took}${newer}` : "Never: the model stays as it is";
}

/** Whether a deleted document is still told. */
export function forgettingText({ forgetting: { by, asked_again, still_right }, right }: StrategyFigures): string {
  if (by === "training") return "Only once it is trained anew";
  if (by === "nothing") return "It was learnt before; it can’t be";
  if (asked_again === 0) return right === 0 ? "None was right" : "Not asked again";
  const lost = asked_again - still_right;
  return `At once: without their documents ${formatNumber(lost)} of ${plural(asked_again, "right answer")} ${lost === 1 ? "was" : "were"} gone`;
}
