/** States, reasons and questions of adapters, in words. */
import type { Adapter, AdapterEvaluation } from "@/api/types";
import type { Question } from "@/features/adapters/api";

export const STATES: Record<Adapter["status"], { status: string; label: string }> = {
  made: { status: "pending", label: "Not evaluated" },
  passed: { status: "allowed", label: "Passed: it may answer" },
  refused: { status: "denied", label: "Refused" },
};

type Reason = NonNullable<AdapterEvaluation["result"]>["reasons"][number];

export const REASONS: Record<Reason, string> = {
  overfitted: "It learnt its examples by heart: the held-out loss is far above the other.",
  not_learnt: "It learnt nothing that held-out examples show.",
  no_better_than_base: "It answers no better than the model without it.",
  too_few_questions: "Too few questions to say so.",
};

export const AFTER_ERASURE: Record<Adapter["after_erasure"], string> = {
  unpublish: "Stop answering at once",
  keep: "Answer on until it is taken back",
};

export const f1 = (value: number): string => value.toFixed(3);

/** A question and its answer, parted by a tab, on each line. */
export function readQuestions(text: string): Question[] | { line: number } {
  const questions: Question[] = [];
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (row.trim() === "") continue;
    const [question = "", answer = "", ...rest] = row.split("\t").map((cell) => cell.trim());
    if (!question || !answer || rest.some(Boolean)) return { line: index + 1 };
    questions.push({ question, answer });
  }
  return questions;
}
