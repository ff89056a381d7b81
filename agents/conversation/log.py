"""The memory of one turn: its journal so far, with the part of it that tasks have too.

Every result is read back from here, so a first run and a resumed one take the same path.
"""

from collections.abc import Sequence
from typing import TypeVar, cast

from secretariat.agents.conversation.core import (
    MemoryRecalled,
    QuestionResolved,
    RouteChosen,
    Shared,
    TurnCited,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnStopped,
)
from secretariat.agents.core import TaskEvent
from secretariat.agents.journal import Journal

Recorded = TypeVar("Recorded", bound=TurnEvent)


class TurnLog:
    """Events in order, and questions about them; `journal` holds those that prompts and readings need."""

    def __init__(self, recorded: Sequence[TurnEvent]) -> None:
        self._own: list[TurnEvent] = []
        self._known: set[tuple[str, ...]] = set()
        self.journal = Journal(())
        for event in recorded:
            self.admit(event)

    def admit(self, event: TurnEvent) -> bool:
        """Record the event; False when an earlier lease has recorded it already."""
        if isinstance(event, Shared):
            return self.journal.admit(cast("TaskEvent", event))
        identity = _identity(event)
        if identity in self._known:
            return False
        self._known.add(identity)
        self._own.append(event)
        return True

    @property
    def ended(self) -> bool:
        return any(isinstance(event, TurnCompleted | TurnFailed | TurnStopped) for event in self._own)

    @property
    def resolved(self) -> QuestionResolved | None:
        return self._last(QuestionResolved)

    @property
    def completed(self) -> TurnCompleted | None:
        return self._last(TurnCompleted)

    @property
    def route(self) -> RouteChosen | None:
        return self._last(RouteChosen)

    @property
    def cited(self) -> list[TurnCited]:
        return [event for event in self._own if isinstance(event, TurnCited)]

    def recalled(self, step: str) -> MemoryRecalled | None:
        found = (event for event in self._own if isinstance(event, MemoryRecalled))
        return next((event for event in found if event.step == step), None)

    def _last(self, kind: type[Recorded]) -> Recorded | None:
        return next((event for event in reversed(self._own) if isinstance(event, kind)), None)


def _identity(event: TurnEvent) -> tuple[str, ...]:
    """What makes an event the same one in a later lease: its kind and its subject."""
    match event:
        case TurnCited(step=step, recollection=said):
            return event.type, step, str(said.turn_id), str(said.start)
        case _:
            return event.type, str(getattr(event, "step", ""))
