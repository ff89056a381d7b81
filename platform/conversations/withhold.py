"""What is left of a turn's events for a reader to whom some documents are closed. Knows no SQL."""

from typing import cast
from uuid import UUID

from secretariat.agents.conversation.core import QuestionResolved, TurnCompleted, TurnEvent, TurnStarted
from secretariat.agents.core import TaskEvent
from secretariat.platform.conversations.journal import JournalEvent
from secretariat.platform.conversations.schemas import TurnEventView
from secretariat.platform.tasks.withhold import citation, without_documents

_OWN = ("turn.", "question.", "route.", "memory.")


def shown(entry: JournalEvent, hidden: frozenset[UUID]) -> TurnEventView:
    """`hidden`: the documents that the reader may not read now."""
    event = without(entry.event, entry.documents, hidden)
    return TurnEventView(
        seq=entry.seq, type=event.type, at=entry.at, payload=event, withheld=event != entry.event
    )


def without(event: TurnEvent, held: frozenset[UUID], hidden: frozenset[UUID]) -> TurnEvent:
    """Words that the asker wrote stay; what was written after a hidden document was seen goes."""
    if not held & hidden or isinstance(event, TurnStarted):
        return event
    if isinstance(event, QuestionResolved):
        return event.model_copy(update={"question": ""})
    if isinstance(event, TurnCompleted):
        kept = tuple(citation(claim, hidden) for claim in event.citations)
        return event.model_copy(update={"answer": "", "citations": kept})
    if event.type.startswith(_OWN):
        return event
    return cast("TurnEvent", without_documents(cast("TaskEvent", event), held, hidden))
