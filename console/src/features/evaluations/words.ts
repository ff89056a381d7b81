/** Measures, configurations and numbers of evaluations, in words. */
import type { EvaluatedQuestion, SearchConfiguration } from "@/api/types";

export type Measure = "ndcg_at_10" | "recall_at_10" | "recall_at_100" | "mrr";

export const MEASURES: { id: Measure; name: string; means: string }[] = [
  { id: "ndcg_at_10", name: "nDCG@10", means: "What is required, and how high it stands, among the first ten" },
  { id: "recall_at_10", name: "Recall@10", means: "Share of the required documents among the first ten" },
  { id: "recall_at_100", name: "Recall@100", means: "The same among the first hundred" },
  { id: "mrr", name: "MRR", means: "1 over the place of the first required document" },
];

const SIGNED = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 3, maximumFractionDigits: 3, signDisplay: "exceptZero" });

/** 0.714 */
export const share = (value: number): string => value.toFixed(3);

/** +0.023, with a true minus sign where it is negative */
export const signed = (value: number): string => SIGNED.format(value).replace("-", "−");

export const range = ({ low, high }: { low: number; high: number }): string => `${share(low)} to ${share(high)}`;

export const signedRange = ({ low, high }: { low: number; high: number }): string => `${signed(low)} to ${signed(high)}`;

export const chance = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);

/** Whether chance is an unlikely reason for a difference. */
export const isClear = (p: number): boolean => p < 0.05;

/** "meaning, words and rerank" */
export function usesOf({ uses }: SearchConfiguration): string {
  return uses.length < 2 ? uses.join("") : `${uses.slice(0, -1).join(", ")} and ${uses[uses.length - 1]}`;
}

export const questionText = ({ text, name }: Pick<EvaluatedQuestion, "text" | "name">): string =>
  text ?? name ?? "A question of a deleted set";
