/** The events of a task as the platform streams them; mirrors the event models of the agent side. */
import type { Citation, PlanStep } from "@/api/types";

export type Passage = {
  document_id: string;
  document: string;
  chunk_id: string;
  start: number;
  end: number;
  text: string;
  score: number;
};

export type ModelUse = {
  name: string;
  weights_sha256: string;
  engine: string;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
};

type Prompted = { call: string; step: string | null; purpose: string };
type AtStep = { step: string; tool: string };

export type TaskEvent =
  | { type: "task.started"; request: string }
  | { type: "intent.classified"; intent: string; confidence: number | null }
  | { type: "plan.proposed"; steps: PlanStep[]; plan_sha256: string }
  | (Prompted & {
      type: "model.prompted";
      messages: Record<string, string>[];
      constraint: Record<string, unknown> | null;
    })
  | (Prompted & {
      type: "model.answered";
      text: string;
      finish_reason: string;
      model: ModelUse;
      mean_logprob: number | null;
      seconds: number;
    })
  | (AtStep & { type: "step.started" })
  | (AtStep & { type: "tool.requested"; arguments: Record<string, unknown>; effect_key: string | null })
  | (AtStep & { type: "tool.completed"; result: Record<string, unknown>; seconds: number })
  | (AtStep & { type: "tool.failed"; code: string; message: string })
  | {
      type: "retrieval.completed";
      step: string;
      query: string;
      passages: Passage[];
      allowed_count: number;
      denied_count: number;
      index_seq: number;
    }
  | { type: "step.output.delta"; step: string; text: string }
  | { type: "artifact.created"; step: string; artifact_id: string; title: string }
  | (AtStep & { type: "step.completed"; summary: string; seconds: number })
  | (AtStep & { type: "step.failed"; code: string; message: string })
  | { type: "citation.added"; step: string; citation: Citation }
  | { type: "task.completed"; answer: string; citations: Citation[]; abstained: boolean }
  | { type: "task.failed"; code: string; message: string }
  | { type: "task.cancelled"; message: string };

export type RecordedEvent = { seq: number; type: string; at: string; payload: TaskEvent };

const TERMINAL: ReadonlySet<string> = new Set(["task.completed", "task.failed", "task.cancelled"]);

export const isTerminal = (type: string): boolean => TERMINAL.has(type);
export const isOpen = (status: string): boolean => status === "queued" || status === "running";
