"""The memory of one run: the events of earlier leases first, then those of this one.

Every result is read back from here, so a first run and a resumed one take the same path. Knows no storage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from secretariat.agents.core import (
    CitationAdded,
    IntentClassified,
    ModelAnswered,
    ModelPrompted,
    OutputDelta,
    PlanProposed,
    RetrievalCompleted,
    StepFailed,
    TaskCancelled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskStarted,
    ToolCompleted,
    ToolFailed,
    ToolRequested,
)

Recorded = TypeVar("Recorded", bound=TaskEvent)

# Announcements are made again when what they announce was not seen to end: a prompt sent twice shows twice.
_REPEATABLE = (ModelPrompted, ToolRequested)


@dataclass(frozen=True, slots=True)
class Spent:
    """Only calls that were answered: a model that was away mustn't use up the task's allowance."""

    model_calls: int
    tokens: int
    seconds: float


class Journal:
    """Events in order, and questions about them."""

    def __init__(self, recorded: Sequence[TaskEvent]) -> None:
        self._events = list(recorded)
        self._known = {_identity(event) for event in recorded}

    def admit(self, event: TaskEvent) -> bool:
        """Record the event; False when an earlier lease has recorded it already."""
        identity = _identity(event)
        if identity in self._known and not isinstance(event, _REPEATABLE):
            return False
        self._known.add(identity)
        self._events.append(event)
        return True

    @property
    def ended(self) -> bool:
        return any(isinstance(event, TaskCompleted | TaskFailed | TaskCancelled) for event in self._events)

    @property
    def request(self) -> str | None:
        started = self._last(TaskStarted)
        return None if started is None else started.request

    @property
    def intent(self) -> IntentClassified | None:
        return self._last(IntentClassified)

    @property
    def plan(self) -> PlanProposed | None:
        return self._last(PlanProposed)

    @property
    def spent(self) -> Spent:
        answers = list(self._all(ModelAnswered))
        tools = sum(event.seconds for event in self._all(ToolCompleted))
        return Spent(
            model_calls=len(answers),
            tokens=sum(event.model.prompt_tokens + event.model.completion_tokens for event in answers),
            seconds=max(sum(event.seconds for event in answers), tools),  # a tool's time holds its calls
        )

    def answer(self, call: str) -> ModelAnswered | None:
        return next((event for event in self._all(ModelAnswered) if event.call == call), None)

    def retrievals(self, step: str) -> list[RetrievalCompleted]:
        found = self._all(RetrievalCompleted)
        return [event for event in found if event.step == step and event.unit == "passage"]

    def shown(self, step: str) -> RetrievalCompleted | None:
        """The sentences that a step's question was put to."""
        found = self._all(RetrievalCompleted)
        return next((event for event in found if event.step == step and event.unit == "sentence"), None)

    def outcome(self, step: str) -> ToolCompleted | ToolFailed | None:
        ended = (event for event in self._events if isinstance(event, ToolCompleted | ToolFailed))
        return next((event for event in ended if event.step == step), None)

    def failure(self, step: str) -> StepFailed | None:
        return next((event for event in self._all(StepFailed) if event.step == step), None)

    @property
    def citations(self) -> list[CitationAdded]:
        return list(self._all(CitationAdded))

    def _all(self, kind: type[Recorded]) -> Iterator[Recorded]:
        return (event for event in self._events if isinstance(event, kind))

    def _last(self, kind: type[Recorded]) -> Recorded | None:
        return next((event for event in reversed(self._events) if isinstance(event, kind)), None)


def _identity(event: TaskEvent) -> tuple[str, ...]:
    """What makes an event the same one in a later lease: its kind, its subject, never its timing."""
    match event:
        case ModelPrompted() | ModelAnswered():
            return event.type, event.call
        case RetrievalCompleted():
            return event.type, event.step, event.unit, event.query
        case CitationAdded():
            cited = event.citation
            return event.type, event.step, str(cited.document_id), str(cited.start), str(cited.end)
        case OutputDelta():
            return event.type, event.step, event.text
        case _:
            return event.type, getattr(event, "step", "")
