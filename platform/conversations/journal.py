"""The journal of a turn: events, their evidence and the turn's new state, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from secretariat.agents.conversation.core import (
    TURN_EVENT,
    MemoryRecalled,
    QuestionResolved,
    RouteChosen,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnStarted,
    TurnStopped,
)
from secretariat.agents.conversation.looking import SAID
from secretariat.agents.core import CitationAdded, ModelPrompted, RetrievalCompleted
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, Outcome, Resource
from secretariat.platform.audit.record import record_all
from secretariat.platform.contents.store import JSON, ContentStore, StoredContent
from secretariat.platform.conversations import repository
from secretariat.platform.conversations.failures import sentence
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.times import now
from secretariat.platform.tables.conversations import TurnEventRow, TurnRow
from secretariat.platform.tasks.evidence import evidence as task_evidence

TERMINAL_STATUSES = frozenset({"completed", "failed", "stopped"})
_AT_ONCE = 10_000  # of the 32,767 parameters that a statement takes
TERMINAL_EVENTS = frozenset({"turn.completed", "turn.failed", "turn.stopped"})
_OF_CONVERSATIONS = (
    TurnStarted,
    QuestionResolved,
    RouteChosen,
    MemoryRecalled,
    TurnCompleted,
    TurnFailed,
    TurnStopped,
)


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """`documents`: those whose words may stand in it."""

    seq: int
    at: datetime
    event: TurnEvent
    documents: frozenset[UUID]


async def write(
    session: TenantSession,
    contents: ContentStore,
    turn: TurnRow,
    events: Sequence[TurnEvent],
    actor: Actor,
    before: frozenset[UUID] = frozenset(),
) -> None:
    """Append to a locked turn's journal.

    `before`: the documents whose words stand in what was said before, for events that go into it.
    """
    first = await repository.next_seq(session, turn.id)
    payloads = [orjson.dumps(event.model_dump(mode="json")) for event in events]
    stored = await contents.put_many(session, payloads, JSON)
    fingerprint = await contents.fingerprint(session)
    proofs = []
    for seq, (event, words) in enumerate(zip(events, stored, strict=True), first):
        assert turn.status not in TERMINAL_STATUSES, "nothing follows a terminal event"
        turn.document_ids = sorted({*turn.document_ids, *_documents(event, before)})
        row = TurnEventRow(
            tenant_id=session.tenant_id,
            turn_id=turn.id,
            seq=seq,
            type=event.type,
            content_id=words.id,
            document_ids=turn.document_ids,
        )
        session.add(row)
        _follow(turn, event)
        proof = _evidence(turn, seq, event, actor, words, fingerprint)
        proofs += [] if proof is None else [proof]
    await record_all(session, proofs)


async def read(
    session: TenantSession, contents: ContentStore, turn_id: UUID, after: int = 0, limit: int | None = None
) -> list[JournalEvent]:
    return await decode(session, contents, await repository.events(session, turn_id, after, limit))


async def decode(
    session: TenantSession, contents: ContentStore, rows: Sequence[TurnEventRow]
) -> list[JournalEvent]:
    words: dict[UUID, bytes] = {}
    for start in range(0, len(rows), _AT_ONCE):
        ids = [row.content_id for row in rows[start : start + _AT_ONCE]]
        words |= await contents.get_many(session, ids)
    return [
        JournalEvent(
            row.seq,
            row.created_at,
            TURN_EVENT.validate_json(words[row.content_id]),
            frozenset(row.document_ids),
        )
        for row in rows
    ]


def _documents(event: TurnEvent, before: frozenset[UUID]) -> set[UUID]:
    """The documents that an event is the first to bring words of; whatever follows may repeat them.

    Earlier turns aren't documents: what a reading shows of them stands under the turn's id, which no grant opens.
    """
    found: set[UUID] = set()
    match event:
        case RetrievalCompleted(passages=passages):
            found = {passage.document_id for passage in passages if passage.document != SAID}
        case CitationAdded(citation=citation):
            found = {citation.document_id}
        case TurnCompleted(citations=citations):
            found = {citation.document_id for citation in citations}
        case RouteChosen(documents=documents):
            found = set(documents)
        case ModelPrompted(purpose="resolve" | "read_whole"):
            found = set(before)
        case QuestionResolved(kind=kind, by=by) if by != "as_asked" or kind == "about_conversation":
            found = set(before)
    return found


def _follow(turn: TurnRow, event: TurnEvent) -> None:
    match event:
        case TurnStarted():
            turn.status, turn.started_at = "running", turn.started_at or now()
        case TurnCompleted(abstained=abstained):
            turn.status, turn.abstained, turn.finished_at = "completed", abstained, now()
        case TurnFailed(code=code):
            turn.status, turn.finished_at = "failed", now()
            turn.error = {"code": code, "message": sentence(code)}
        case TurnStopped():
            turn.status, turn.finished_at = "stopped", now()


def _evidence(
    turn: TurnRow,
    seq: int,
    event: TurnEvent,
    actor: Actor,
    stored: StoredContent,
    fingerprint: Callable[[str], str],
) -> AuditEvent | None:
    """Model calls and searches have the records that those of tasks have; the rest are a conversation's own."""
    resource = Resource("turn", str(turn.id))
    where = {"conversation_id": str(turn.conversation_id)}
    if isinstance(event, _OF_CONVERSATIONS):
        role, outcome, details = _own(event)
        return AuditEvent(
            event_type="CONVERSATION",
            action=event.type,
            actor=actor,
            outcome=outcome,
            resource=resource,
            details={"event_seq": seq, **where, **details},
            content=(ContentRef(role, stored),),
        )
    made = task_evidence(event, seq, turn.id, actor, stored, fingerprint)  # type: ignore[arg-type]
    if made is None:
        return None
    return replace(made, resource=resource, task_id=None, details={**made.details, **where})


def _own(event: TurnEvent) -> tuple[str, Outcome, dict[str, Any]]:
    """Role of the words, outcome, facts."""
    role, facts = "event", dict[str, Any]()
    match event:
        case TurnStarted():
            role = "request"
        case QuestionResolved(kind=kind, by=by):
            role, facts = "question", {"kind": kind, "by": by}
        case RouteChosen(route=route, search=search, whole_documents=whole, documents=documents):
            costs = {"search": search, "whole_documents": whole}
            known = {name: cost.model_dump() for name, cost in costs.items() if cost is not None}
            facts = {"route": route, "document_ids": list(map(str, documents)), **known}
        case MemoryRecalled(recalled=recalled):
            role, facts = "recalled", {"turns": sorted({str(each.turn_id) for each in recalled})}
        case TurnCompleted(citations=citations, recalled=recalled, abstained=abstained):
            verified = sum(citation.verified for citation in citations)
            counts = {"citations": len(citations), "verified": verified, "recalled": len(recalled)}
            role, facts = "answer", {"abstained": abstained, **counts}
        case TurnFailed(code=code):
            return role, "failure", {"code": code}
    return role, "success", facts
