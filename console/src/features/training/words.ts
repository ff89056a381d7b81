/** Recipes, sources and numbers of training, in words. */
import type { TrainingExample, TrainingJob } from "@/api/types";
import { formatNumber, plural } from "@/lib/format";

export const RECIPES: Record<TrainingJob["recipe"], { name: string; means: string }> = {
  sft: { name: "Examples", means: "Learns to answer as the examples do, in low-rank pairs beside the model" },
  dpo: { name: "Preferences", means: "Learns the better of two answers; needs judged answers, choices or pairs" },
  svf: { name: "Examples, one vector", means: "The same with one number for each leading direction of a matrix: small, quick to switch" },
};

export const ENDED: Record<NonNullable<TrainingJob["result"]>["ended_by"], string> = {
  steps: "All its steps were taken",
  held_out: "The loss on held-out examples no longer fell",
  budget: "Its budget was spent",
};

export const ORIGINS: Record<TrainingExample["origin"], string> = {
  document: "A document",
  feedback: "A judged answer",
  comparison: "A blind choice",
  upload: "An upload",
};

/** From here on the gate refuses an adapter: it knows its examples by heart. */
export const LARGEST_GAP = 0.5;

export const nats = (loss: number | null | undefined): string => (loss === null || loss === undefined ? "–" : loss.toFixed(3));

/** "+0.120 nats", with what it means where it is large */
export function gapText(gap: number | null | undefined): string | null {
  if (gap === null || gap === undefined) return null;
  const told = `${gap < 0 ? "−" : "+"}${Math.abs(gap).toFixed(3)} nats a token`;
  return gap > LARGEST_GAP ? `${told}: it learnt by heart` : told;
}

export function sourcesText(job: Pick<TrainingJob, "document_ids" | "feedback" | "comparisons" | "upload_id">): string {
  const sources = [
    job.document_ids.length > 0 && plural(job.document_ids.length, "document"),
    job.feedback && "judged answers",
    job.comparisons && "blind choices",
    job.upload_id && "an upload",
  ].filter(Boolean);
  return sources.join(", ");
}

export function examplesText({ examples, held_out, left_out }: Pick<TrainingJob, "examples" | "held_out" | "left_out">): string {
  const without = left_out > 0 ? `; ${formatNumber(left_out)} left out, repeating questions that are measured with` : "";
  return `${plural(examples, "example")}, ${formatNumber(held_out)} held out to measure with${without}`;
}

export function budgetText({ tokens, minutes }: TrainingJob["budget"]): string {
  return [tokens != null && `${formatNumber(tokens)} tokens`, minutes != null && plural(minutes, "minute")].filter(Boolean).join(", ");
}
