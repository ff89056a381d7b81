"""What can be done with tasks. Takes the session first and never commits."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.agents.core import PlanProposed, TaskCancelled, TaskCompleted
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.tasks import TaskRow
from secretariat.platform.tasks import journal, repository, schemas
from secretariat.platform.tasks.policies import may_cancel, only_of
from secretariat.platform.web.errors import ConflictError, ForbiddenError, NotFoundError

RUN = "tasks.run"


class TaskEndedError(ConflictError):
    code, title = "TASK_ENDED", "The task has ended"


async def create(
    session: TenantSession, contents: ContentStore, caller: Caller, body: schemas.TaskCreate
) -> TaskRow:
    """The task, its words, the job that carries it out and the record. Raises NotFoundError."""
    if body.assistant_id is not None and await repository.assistant(session, body.assistant_id) is None:
        raise NotFoundError("assistant")
    wanted = set(body.collection_ids)
    if wanted != await repository.readable_collections(session, caller.principals, list(wanted)):
        raise NotFoundError("collection")
    stored = await contents.put(session, body.request)
    task = TaskRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        request_id=stored.id,
        assistant_id=body.assistant_id,
        collection_ids=sorted(wanted),
        created_by=caller.user_id,
    )
    await repository.add(session, task)
    task.job_id = await enqueue(session, RUN, Subject("task", task.id), requested_by=caller.user_id)
    await session.flush()
    await session.refresh(task)
    await record(
        session,
        AuditEvent(
            event_type="TASK",
            action="task.created",
            actor=caller.actor,
            resource=Resource("task", str(task.id)),
            task_id=task.id,
            request_id=caller.request_id,
            details={
                "assistant_id": str(body.assistant_id) if body.assistant_id else None,
                "collection_ids": [str(one) for one in task.collection_ids],
                "job_id": str(task.job_id),
            },
            content=(ContentRef("request", stored),),
        ),
    )
    return task


async def task(session: TenantSession, caller: Caller, task_id: UUID) -> TaskRow:
    """Raises NotFoundError for what the caller doesn't see."""
    found = await repository.task(session, task_id, created_by=only_of(caller))
    if found is None:
        raise NotFoundError("task")
    return found


async def listed(
    session: TenantSession, caller: Caller, limit: int, after: UUID | None, status: str | None
) -> list[TaskRow]:
    return await repository.tasks(
        session, limit=limit, after=after, created_by=only_of(caller), status=status
    )


async def cancel(session: TenantSession, contents: ContentStore, caller: Caller, task_id: UUID) -> TaskRow:
    """A queued task ends at once, a running one at its next breath. Raises NotFoundError, TaskEndedError."""
    await task(session, caller, task_id)
    found = await repository.locked_task(session, task_id)
    assert found is not None
    if not may_cancel(caller, found.created_by):
        raise ForbiddenError("Only its giver or an administrator of people may cancel a task.")
    if found.status in journal.TERMINAL_STATUSES:
        raise TaskEndedError(f"The task is {found.status}.")
    found.cancel_requested_at = found.cancel_requested_at or now()
    await record(
        session,
        AuditEvent(
            event_type="TASK",
            action="task.cancel_requested",
            actor=caller.actor,
            resource=Resource("task", str(task_id)),
            task_id=task_id,
            request_id=caller.request_id,
        ),
    )
    if found.status == "queued":
        await journal.write(session, contents, found, TaskCancelled(), caller.actor)
    await session.flush()
    return found


async def shown(
    session: TenantSession, contents: ContentStore, rows: Sequence[TaskRow]
) -> list[schemas.Task]:
    """Tasks with what their journals say of plan, answer and citations."""
    ids = [row.id for row in rows]
    telling = await repository.events_of(session, ids, ("plan.proposed", "task.completed"))
    entries = await journal.decode(session, contents, telling)
    requests = await contents.get_many(session, [row.request_id for row in rows])
    plans: dict[UUID, PlanProposed] = {}
    answers: dict[UUID, TaskCompleted] = {}
    for event_row, entry in zip(telling, entries, strict=True):
        if isinstance(entry.event, PlanProposed):
            plans[event_row.task_id] = entry.event
        elif isinstance(entry.event, TaskCompleted):
            answers[event_row.task_id] = entry.event
    made = await _artifact_refs(session, contents, ids)
    return [
        _view(row, requests[row.request_id].decode(), plans.get(row.id), answers.get(row.id), made[row.id])
        for row in rows
    ]


async def artifact(
    session: TenantSession, contents: ContentStore, caller: Caller, task_id: UUID, artifact_id: UUID
) -> schemas.Artifact:
    """Raises NotFoundError."""
    await task(session, caller, task_id)
    found = await repository.artifact(session, task_id, artifact_id)
    if found is None:
        raise NotFoundError("artifact")
    words = await contents.json(session, found.content_id)
    return schemas.Artifact(
        id=found.id, title=words["title"], media_type=found.media_type, text=words["markdown"]
    )


async def _artifact_refs(
    session: TenantSession, contents: ContentStore, task_ids: Sequence[UUID]
) -> dict[UUID, list[schemas.ArtifactRef]]:
    made: dict[UUID, list[schemas.ArtifactRef]] = {task_id: [] for task_id in task_ids}
    for row in await repository.artifacts(session, task_ids):
        words = await contents.json(session, row.content_id)
        made[row.task_id].append(schemas.ArtifactRef(id=row.id, title=words["title"]))
    return made


def _view(
    row: TaskRow,
    request: str,
    plan: PlanProposed | None,
    answer: TaskCompleted | None,
    artifacts: list[schemas.ArtifactRef],
) -> schemas.Task:
    return schemas.Task(
        id=row.id,
        request=request,
        status=row.status,
        assistant_id=row.assistant_id,
        collection_ids=row.collection_ids,
        created_by=row.created_by,
        plan=list(plan.steps) if plan else None,
        answer=answer.answer if answer else None,
        abstained=row.abstained,
        citations=list(answer.citations) if answer else [],
        artifacts=artifacts,
        error=schemas.TaskError(**row.error) if row.error else None,
        cancel_requested=row.cancel_requested_at is not None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
