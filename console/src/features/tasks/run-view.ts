/** Folds the events of a task into what its page shows. Pure: the same events give the same view. */
import type { Citation, ModelUse, Passage, PlanStep, RecordedEvent, TaskEvent } from "@/api/types";
import type { Search } from "@/features/citations/why-cited";

export type ModelCall = {
  id: string;
  step: string | null;
  purpose: string;
  messages: Record<string, string>[];
  constraint: Record<string, unknown> | null;
  answer: { text: string; finishReason: string; model: ModelUse; seconds: number; meanLogprob: number | null } | null;
};

export type Retrieval = Search;
/** Single sentences of the passages found, put before the model with a question. */
export type Reading = { question: string; lines: Passage[] };
export type Failure = { code: string; message: string };
export type StepState = "pending" | "running" | "completed" | "failed" | "cancelled";

export type StepView = {
  id: string;
  tool: string;
  purpose: string;
  arguments: Record<string, unknown>;
  state: StepState;
  startedAt: string | null;
  seconds: number | null;
  summary: string;
  failure: Failure | null;
  result: Record<string, unknown> | null;
  retrievals: Retrieval[];
  readings: Reading[];
  artifacts: { id: string; title: string }[];
};

export type RunView = {
  lastSeq: number;
  intent: { name: string; confidence: number | null } | null;
  planSha256: string | null;
  steps: StepView[];
  calls: ModelCall[];
  draft: string;
  citations: Citation[];
};

export const EMPTY_RUN: RunView = {
  lastSeq: 0,
  intent: null,
  planSha256: null,
  steps: [],
  calls: [],
  draft: "",
  citations: [],
};

/** Takes up one event. Events seen before (after a resume) change nothing. */
export function takeUp(view: RunView, event: RecordedEvent): RunView {
  if (event.seq <= view.lastSeq) return view;
  return { ...change(view, event.payload, event.at), lastSeq: event.seq };
}

function change(view: RunView, event: TaskEvent, at: string): RunView {
  switch (event.type) {
    case "intent.classified":
      return { ...view, intent: { name: event.intent, confidence: event.confidence ?? null } };
    case "plan.proposed":
      return { ...view, planSha256: event.plan_sha256, steps: event.steps.map(planned) };
    case "model.prompted":
    case "model.answered":
      return { ...view, calls: changedCalls(view.calls, event) };
    case "step.output.delta":
      return { ...view, draft: view.draft + event.text };
    case "citation.added":
      return { ...view, citations: [...view.citations, event.citation] };
    case "task.completed":
      return { ...view, draft: event.answer, citations: event.citations };
    case "task.failed":
    case "task.cancelled":
      return { ...view, steps: view.steps.map((step) => (step.state === "running" ? { ...step, state: "cancelled" } : step)) };
    case "task.started":
      return view;
    default:
      return { ...view, steps: changedSteps(view.steps, event, at) };
  }
}

function planned(step: PlanStep): StepView {
  return {
    id: step.id,
    tool: step.tool,
    purpose: step.purpose,
    arguments: step.arguments,
    state: "pending",
    startedAt: null,
    seconds: null,
    summary: "",
    failure: null,
    result: null,
    retrievals: [],
    readings: [],
    artifacts: [],
  };
}

type CallEvent = Extract<TaskEvent, { type: "model.prompted" | "model.answered" }>;

function changedCalls(calls: ModelCall[], event: CallEvent): ModelCall[] {
  if (event.type === "model.prompted") {
    const { call, step, purpose, messages, constraint } = event;
    return [...calls, { id: call, step, purpose, messages, constraint: constraint ?? null, answer: null }];
  }
  const { text, model, seconds } = event;
  const answer = { text, model, seconds, finishReason: event.finish_reason, meanLogprob: event.mean_logprob ?? null };
  return calls.map((call) => (call.id === event.call ? { ...call, answer } : call));
}

type StepEvent = Extract<TaskEvent, { step: string; type: `step.${string}` | `tool.${string}` | "retrieval.completed" | "artifact.created" }>;

function changedSteps(steps: StepView[], event: StepEvent, at: string): StepView[] {
  return steps.map((step) => (step.id === event.step ? { ...step, ...stepChange(step, event, at) } : step));
}

function stepChange(step: StepView, event: StepEvent, at: string): Partial<StepView> {
  switch (event.type) {
    case "step.started":
      return { state: "running", startedAt: at };
    case "tool.requested":
      return { arguments: event.arguments };
    case "tool.completed":
      return { result: event.result };
    case "tool.failed":
    case "step.failed":
      return { state: "failed", failure: { code: event.code, message: event.message } };
    case "retrieval.completed": {
      const { unit, query, passages, allowed_count: allowed, denied_count: denied, confidence = null } = event;
      if (unit === "sentence") return { readings: [...step.readings, { question: query, lines: passages }] };
      return { retrievals: [...step.retrievals, { query, passages, allowed, denied, confidence }] };
    }
    case "artifact.created":
      return { artifacts: [...step.artifacts, { id: event.artifact_id, title: event.title }] };
    case "step.completed":
      return { state: "completed", seconds: event.seconds, summary: event.summary, failure: null };
    case "step.output.delta":
      return {};
  }
}
