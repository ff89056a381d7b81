"""What is left of a task's events for those who may not read its words. Knows no SQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from secretariat.agents import core
from secretariat.agents.core import (
    CitationAdded,
    CitationClaim,
    PlanStep,
    RetrievalCompleted,
    RetrievedPassage,
    TaskCompleted,
    TaskEvent,
)
from secretariat.platform.tasks.failures import sentence

_Emptied = Callable[[Any], dict[str, Any]]


def without_words(event: TaskEvent) -> TaskEvent:
    """The same event with its kind, its step and its numbers; words, and hashes of words, are empty."""
    emptied = _EMPTIED.get(type(event))
    return event if emptied is None else event.model_copy(update=emptied(event))


def without_documents(event: TaskEvent, held: frozenset[UUID], hidden: frozenset[UUID]) -> TaskEvent:
    """The event without what comes from `hidden` documents, out of those whose words it may hold.

    Passages and quotes name their document, so those of others stay. Everything else that was written after
    a hidden document was seen may repeat it, so its words go: prompts, outputs, answers, summaries.
    """
    if not held & hidden:
        return event
    match event:
        case RetrievalCompleted(passages=passages):
            kept = tuple(_passage(passage, hidden) for passage in passages)
            return event.model_copy(update={"query": "", "passages": kept})
        case CitationAdded(citation=claim):
            return event.model_copy(update={"citation": citation(claim, hidden)})
        case TaskCompleted(citations=claims):
            kept_claims = tuple(citation(claim, hidden) for claim in claims)
            return event.model_copy(update={"answer": "", "citations": kept_claims})
        case _:
            return without_words(event)


_UNTOLD = {"denied_count": 0, "index_seq": 0}


def without_counts(event: TaskEvent) -> TaskEvent:
    """The event without the numbers that tell what is kept from the asker, and when it comes."""
    return event.model_copy(update=_UNTOLD) if isinstance(event, RetrievalCompleted) else event


def citation(claim: CitationClaim, hidden: frozenset[UUID]) -> CitationClaim:
    """With its ids and offsets, and without the document's name and words if it is hidden."""
    if claim.document_id not in hidden:
        return claim
    return claim.model_copy(update={"document": "", "quote": "", "quote_sha256": ""})


def _passage(passage: RetrievedPassage, hidden: frozenset[UUID]) -> RetrievedPassage:
    if passage.document_id not in hidden:
        return passage
    return passage.model_copy(update={"document": "", "text": ""})


def shape(steps: Sequence[PlanStep]) -> tuple[PlanStep, ...]:
    """A plan's tools and their order."""
    return tuple(step.model_copy(update={"arguments": {}, "purpose": ""}) for step in steps)


def _silent(messages: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
    return tuple({"role": message.get("role", ""), "content": ""} for message in messages)


_EMPTIED: Mapping[type, _Emptied] = {
    core.TaskStarted: lambda _: {"request": ""},
    core.IntentClassified: lambda _: {"intent": ""},
    core.PlanProposed: lambda event: {"steps": shape(event.steps), "plan_sha256": ""},
    core.ModelPrompted: lambda event: {"messages": _silent(event.messages), "constraint": None},
    core.ModelAnswered: lambda _: {"text": ""},
    core.ToolRequested: lambda _: {"arguments": {}, "effect_key": None},
    core.ToolCompleted: lambda _: {"result": {}},
    core.ToolFailed: lambda _: {"message": ""},
    core.RetrievalCompleted: lambda _: {"query": "", "passages": ()},
    core.OutputDelta: lambda _: {"text": ""},
    core.ArtifactCreated: lambda _: {"title": ""},
    core.StepCompleted: lambda _: {"summary": ""},
    core.StepFailed: lambda _: {"message": ""},
    core.CitationAdded: lambda event: {
        "citation": citation(event.citation, frozenset({event.citation.document_id}))
    },
    core.TaskCompleted: lambda _: {"answer": "", "citations": ()},
    core.TaskFailed: lambda event: {"message": sentence(event.code)},
}
