"""What is left of a task's events for those who may not read its words. Knows no SQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from secretariat.agents import core
from secretariat.agents.core import PlanStep, TaskEvent

_Emptied = Callable[[Any], dict[str, Any]]


def without_words(event: TaskEvent) -> TaskEvent:
    """The same event with its kind, its step and its numbers; words, and hashes of words, are empty."""
    emptied = _EMPTIED.get(type(event))
    return event if emptied is None else event.model_copy(update=emptied(event))


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
        "citation": event.citation.model_copy(update={"document": "", "quote": "", "quote_sha256": ""})
    },
    core.TaskCompleted: lambda _: {"answer": "", "citations": ()},
    core.TaskFailed: lambda _: {"message": ""},
}
