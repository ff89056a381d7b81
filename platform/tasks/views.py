"""Tasks as readers see them: rows, and what the journals say, as far as each reader's sight goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from secretariat.agents.core import PlanProposed, TaskCompleted, TaskFailed
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.tasks import TaskRow
from secretariat.platform.tasks import journal, repository, schemas
from secretariat.platform.tasks.journal import JournalEvent
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.withhold import citation, shape

_TELLING = ("plan.proposed", "task.completed", "task.failed")


@dataclass(slots=True)
class _Told:
    """What the journal says of one task."""

    plan: PlanProposed | None = None
    answer: TaskCompleted | None = None
    failure: TaskFailed | None = None


async def shown(
    session: TenantSession, contents: ContentStore, seen: Sequence[tuple[TaskRow, Sight]]
) -> list[schemas.Task]:
    """Tasks with what their journals say of plan, answer and citations."""
    ids = [row.id for row, _ in seen]
    told = await _told(session, contents, ids)
    hidden: frozenset[UUID] = frozenset()
    for sight in {sight for _, sight in seen}:
        hidden |= await hidden_in(session, sight, [row for row, its in seen if its == sight])
    requests = await contents.get_many(session, [row.request_id for row, sight in seen if sight.words])
    open_ = {row.id for row, sight in seen if sight.words and not hidden & set(row.document_ids)}
    made = await _artifact_refs(session, contents, ids, open_)
    return [
        _whole(row, requests[row.request_id].decode(), told[row.id], made[row.id], hidden)
        if sight.words
        else _withheld(row, told[row.id], made[row.id])
        for row, sight in seen
    ]


async def hidden_in(session: TenantSession, sight: Sight, rows: Sequence[TaskRow]) -> frozenset[UUID]:
    """The documents that tasks have seen and the reader may not read now."""
    ids = {document_id for row in rows for document_id in row.document_ids}
    return await hidden_among(session, sight, ids)


async def hidden_from(
    session: TenantSession, sight: Sight, entries: Sequence[JournalEvent]
) -> frozenset[UUID]:
    """The documents whose words events may hold and the reader may not read now."""
    return await hidden_among(session, sight, {one for entry in entries for one in entry.documents})


async def hidden_among(session: TenantSession, sight: Sight, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Of these documents those that the reader may not read now."""
    if not sight.words or sight.principals is None:
        return frozenset()
    if not sight.documents:
        return frozenset(ids)
    return await repository.hidden_documents(session, sight.principals, frozenset(ids))


async def _told(
    session: TenantSession, contents: ContentStore, task_ids: Sequence[UUID]
) -> dict[UUID, _Told]:
    told = {task_id: _Told() for task_id in task_ids}
    rows = await repository.events_of(session, task_ids, _TELLING)
    for row, entry in zip(rows, await journal.decode(session, contents, rows), strict=True):
        if isinstance(entry.event, PlanProposed):
            told[row.task_id].plan = entry.event
        elif isinstance(entry.event, TaskCompleted):
            told[row.task_id].answer = entry.event
        elif isinstance(entry.event, TaskFailed):
            told[row.task_id].failure = entry.event
    return told


async def _artifact_refs(
    session: TenantSession, contents: ContentStore, task_ids: Sequence[UUID], titled: set[UUID]
) -> dict[UUID, list[schemas.ArtifactRef]]:
    """With their titles in the tasks that are `titled`."""
    made: dict[UUID, list[schemas.ArtifactRef]] = {task_id: [] for task_id in task_ids}
    for row in await repository.artifacts(session, task_ids):
        words = await contents.json(session, row.content_id) if row.task_id in titled else {}
        made[row.task_id].append(schemas.ArtifactRef(id=row.id, title=words.get("title")))
    return made


def _whole(
    row: TaskRow,
    request: str,
    told: _Told,
    artifacts: list[schemas.ArtifactRef],
    hidden: frozenset[UUID],
) -> schemas.Task:
    touched = bool(hidden & set(row.document_ids))
    return _facts(row, artifacts).model_copy(
        update={
            "request": request,
            "plan": list(told.plan.steps) if told.plan else None,
            "answer": told.answer.answer if told.answer and not touched else None,
            "citations": [citation(claim, hidden) for claim in told.answer.citations] if told.answer else [],
            "error": _error(row, told.failure if not touched else None),
            "withheld": touched,
        }
    )


def _withheld(row: TaskRow, told: _Told, artifacts: list[schemas.ArtifactRef]) -> schemas.Task:
    plan = list(shape(told.plan.steps)) if told.plan else None
    return _facts(row, artifacts).model_copy(update={"plan": plan})


def _error(row: TaskRow, failure: TaskFailed | None) -> schemas.TaskError | None:
    """In the words of the journal where they may be shown, else in those that stand in the clear."""
    if failure is not None:
        return schemas.TaskError(code=failure.code, message=failure.message)
    return schemas.TaskError(**row.error) if row.error else None


def _facts(row: TaskRow, artifacts: list[schemas.ArtifactRef]) -> schemas.Task:
    """Without any words."""
    return schemas.Task(
        id=row.id,
        request=None,
        withheld=True,
        status=row.status,
        assistant_id=row.assistant_id,
        collection_ids=row.collection_ids,
        created_by=row.created_by,
        plan=None,
        answer=None,
        abstained=row.abstained,
        citations=[],
        artifacts=artifacts,
        error=_error(row, None),
        cancel_requested=row.cancel_requested_at is not None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
