"""The journal of a task: one event, its evidence and the task's new state, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from secretariat.agents.core import (
    TASK_EVENT,
    CitationAdded,
    PlanProposed,
    RetrievalCompleted,
    TaskCancelled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskStarted,
)
from secretariat.platform.audit.event import Actor
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import JSON, ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.times import now
from secretariat.platform.tables.tasks import TaskEventRow, TaskRow
from secretariat.platform.tasks import repository
from secretariat.platform.tasks.evidence import evidence
from secretariat.platform.tasks.failures import sentence

TERMINAL_STATUSES = frozenset({"completed", "failed", "cancelled"})
TERMINAL_EVENTS = frozenset({"task.completed", "task.failed", "task.cancelled"})


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """`documents`: those whose words may stand in it."""

    seq: int
    at: datetime
    event: TaskEvent
    documents: frozenset[UUID]


async def write(
    session: TenantSession, contents: ContentStore, task: TaskRow, event: TaskEvent, actor: Actor
) -> int:
    """Append to a locked task's journal; the event's number."""
    assert task.status not in TERMINAL_STATUSES, "nothing follows a terminal event"
    seq = await repository.next_seq(session, task.id)
    stored = await contents.put(session, orjson.dumps(event.model_dump(mode="json")), JSON)
    task.document_ids = sorted({*task.document_ids, *_documents(event)})
    row = TaskEventRow(
        tenant_id=session.tenant_id,
        task_id=task.id,
        seq=seq,
        type=event.type,
        content_id=stored.id,
        document_ids=task.document_ids,
    )
    await repository.add(session, row)
    _follow(task, event)
    proof = evidence(event, seq, task.id, actor, stored, await contents.fingerprint(session))
    if proof is not None:
        await record(session, proof)
    await session.flush()
    return seq


async def read(
    session: TenantSession,
    contents: ContentStore,
    task_id: UUID,
    after: int = 0,
    limit: int | None = None,
) -> list[JournalEvent]:
    return await decode(session, contents, await repository.events(session, task_id, after, limit))


async def decode(
    session: TenantSession, contents: ContentStore, rows: Sequence[TaskEventRow]
) -> list[JournalEvent]:
    words = await contents.get_many(session, [row.content_id for row in rows])
    return [
        JournalEvent(
            row.seq,
            row.created_at,
            TASK_EVENT.validate_json(words[row.content_id]),
            frozenset(row.document_ids),
        )
        for row in rows
    ]


def _documents(event: TaskEvent) -> set[UUID]:
    """The documents that an event is the first to bring words of; whatever follows may repeat them."""
    match event:
        case RetrievalCompleted(passages=passages):
            return {passage.document_id for passage in passages}
        case CitationAdded(citation=citation):
            return {citation.document_id}
        case TaskCompleted(citations=citations):
            return {citation.document_id for citation in citations}
        case _:
            return set()


def _follow(task: TaskRow, event: TaskEvent) -> None:
    match event:
        case TaskStarted():
            task.status, task.started_at = "running", task.started_at or now()
        case PlanProposed(plan_sha256=digest):
            task.plan_sha256 = digest
        case TaskCompleted(abstained=abstained):
            task.status, task.abstained, task.finished_at = "completed", abstained, now()
        case TaskFailed(code=code):
            task.status, task.finished_at = "failed", now()
            task.error = {"code": code, "message": sentence(code)}
        case TaskCancelled():
            task.status, task.finished_at = "cancelled", now()
