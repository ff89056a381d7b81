"""What can be done with tasks. Takes the session first and never commits."""

from uuid import UUID

from secretariat.agents.core import TaskCancelled
from secretariat.platform.access.authority import readable_collections
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.tasks import TaskRow
from secretariat.platform.tasks import journal, policies, repository, schemas
from secretariat.platform.tasks.policies import Sight, may_cancel, only_of
from secretariat.platform.tasks.views import hidden_in
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
    if wanted != await readable_collections(session, caller.principals, wanted):
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
    task.job_id = await enqueue(
        session, RUN, Subject("task", task.id), queue="tasks", requested_by=caller.user_id
    )
    await session.flush()
    await session.refresh(task)
    await record(
        session,
        caller.did(
            "TASK",
            "task.created",
            Resource("task", str(task.id)),
            task_id=task.id,
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
        session, caller.did("TASK", "task.cancel_requested", Resource("task", str(task_id)), task_id=task_id)
    )
    if found.status == "queued":
        await journal.write(session, contents, found, TaskCancelled(), caller.actor)
    await session.flush()
    return found


async def look(session: TenantSession, caller: Caller, task_id: UUID, what: str) -> tuple[TaskRow, Sight]:
    """A task to be shown, and how much of it. A look at the words of someone else's task is on record before
    it is had. Raises NotFoundError."""
    found = await task(session, caller, task_id)
    sight = policies.look(caller, found.created_by)
    if sight.on_record:
        await record(
            session,
            caller.did(
                "AUDIT_READ",
                "task.content.reveal",
                Resource("task", str(task_id)),
                task_id=task_id,
                details={"what": what},
            ),
        )
    return found, sight


async def artifact(
    session: TenantSession, contents: ContentStore, caller: Caller, task_id: UUID, artifact_id: UUID
) -> schemas.Artifact:
    """Raises NotFoundError."""
    of, sight = await look(session, caller, task_id, "artifact")
    found = await repository.artifact(session, task_id, artifact_id)
    if found is None:
        raise NotFoundError("artifact")
    readable = sight.words and not await hidden_in(session, sight, [of])
    words = await contents.json(session, found.content_id) if readable else {}
    return schemas.Artifact(
        id=found.id,
        title=words.get("title"),
        media_type=found.media_type,
        text=words.get("markdown"),
        withheld=not readable,
    )
