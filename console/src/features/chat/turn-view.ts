/** Folds the events of a turn into what the thread shows of it. Pure: the same events give the same view. */
import type { Citation, Passage, Recollection, TurnEvent } from "@/api/types";
import type { Search } from "@/features/citations/why-cited";

export type TurnView = {
  lastSeq: number;
  /** What is being done at present, in words; empty when the answer forms or is there. */
  doing: string;
  question: string | null;
  draft: string;
  citations: Citation[];
  recalled: Recollection[];
  considered: Search[];
  /** Single sentences that the model chose from, a group each time. */
  lines: Passage[][];
  models: string[];
};

export const EMPTY_TURN: TurnView = {
  lastSeq: 0,
  doing: "Waiting for a free worker",
  question: null,
  draft: "",
  citations: [],
  recalled: [],
  considered: [],
  lines: [],
  models: [],
};

type Recorded = { seq: number; payload: TurnEvent };

/** Takes up one event. Events seen before (after a resume) change nothing. */
export function takeUp(view: TurnView, event: Recorded): TurnView {
  if (event.seq <= view.lastSeq) return view;
  return { ...view, ...change(view, event.payload), lastSeq: event.seq };
}

function change(view: TurnView, event: TurnEvent): Partial<TurnView> {
  switch (event.type) {
    case "turn.started":
      return { doing: "Reading the question" };
    case "question.resolved":
      return { question: event.question, doing: event.kind === "question" ? "Searching the documents" : "Thinking" };
    case "route.chosen":
      return { doing: event.route === "whole_documents" ? "Reading whole documents" : view.doing };
    case "retrieval.completed":
      return retrieved(view, event);
    case "step.output.delta":
      return { draft: view.draft + event.text, doing: "" };
    case "citation.added":
      return { citations: [...view.citations, event.citation] };
    case "turn.cited":
      return { recalled: [...view.recalled, event.recollection] };
    case "model.answered":
      return { models: view.models.includes(event.model.name) ? view.models : [...view.models, event.model.name] };
    case "turn.completed":
      return { draft: event.answer, citations: event.citations, recalled: event.recalled, doing: "" };
    case "turn.failed":
    case "turn.stopped":
      return { doing: "" };
    default:
      return {};
  }
}

function retrieved(view: TurnView, event: Extract<TurnEvent, { type: "retrieval.completed" }>): Partial<TurnView> {
  const { query, passages, allowed_count: allowed, denied_count: denied, confidence = null } = event;
  if (event.unit === "sentence") return { lines: [...view.lines, passages], doing: "Choosing the words that answer" };
  return { considered: [...view.considered, { query, passages, allowed, denied, confidence }], doing: "Reading what was found" };
}
