"""What is left of a turn's events for a reader to whom some documents are closed. Knows no SQL."""

from typing import Any, cast
from uuid import UUID

from secretariat.agents.conversation.core import (
    QuestionResolved,
    RouteChosen,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from secretariat.agents.core import RetrievalCompleted, TaskEvent
from secretariat.platform.conversations.failures import sentence
from secretariat.platform.conversations.journal import JournalEvent
from secretariat.platform.conversations.schemas import TurnEventView
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.withhold import citation, without_counts, without_documents

_KEPT = ("turn.", "memory.")


def shown(entry: JournalEvent, sight: Sight, hidden: frozenset[UUID]) -> TurnEventView:
    """`hidden`: the documents that the reader may not read now."""
    event = without(entry.event, entry.documents, hidden)
    told = cast("TurnEvent", without_counts(cast("TaskEvent", event)))
    if isinstance(told, RetrievalCompleted) and not sight.reach:
        told = told.model_copy(update={"allowed_count": 0})
    return TurnEventView(
        seq=entry.seq, type=event.type, at=entry.at, payload=told, withheld=event != entry.event
    )


def without(event: TurnEvent, held: frozenset[UUID], hidden: frozenset[UUID]) -> TurnEvent:
    """Words that the asker wrote stay; what was written after a hidden document was seen goes."""
    if not held & hidden or isinstance(event, TurnStarted):
        return event
    own = _own(event, hidden)
    if own is not None:
        return event.model_copy(update=own)
    return cast("TurnEvent", without_documents(cast("TaskEvent", event), held, hidden))


def _own(event: TurnEvent, hidden: frozenset[UUID]) -> dict[str, Any] | None:
    """What goes of the events that only turns have; None for those that tasks have, too."""
    match event:
        case QuestionResolved():
            return {"question": ""}
        case RouteChosen():
            return {"documents": (), "search": None, "whole_documents": None}
        case TurnCompleted(citations=citations):
            return {"answer": "", "citations": tuple(citation(claim, hidden) for claim in citations)}
        case TurnFailed(code=code):
            return {"message": sentence(code)}
        case _:
            return {} if event.type.startswith(_KEPT) else None
