"""Carrying a task out: the agent loop under a lease, every event journalled before the loop goes on."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import cast
from uuid import UUID

from secretariat.agents.core import (
    AgentContext,
    PlanProposed,
    StepCompleted,
    Task,
    TaskCancelled,
    TaskEvent,
    TaskFailed,
)
from secretariat.agents.errors import AgentError
from secretariat.agents.loop import run as think
from secretariat.models.core import CallContext
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.access.repository import active_standing, standing, user
from secretariat.platform.adapters.chat import adapted
from secretariat.platform.adapters.repository import of_assistant
from secretariat.platform.audit.event import Actor
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.search import searcher
from secretariat.platform.indexes.texts import SqlDocumentTexts
from secretariat.platform.jobs import repository as job_repository
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError, LeaseLostError
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.jobs.watch import watched
from secretariat.platform.tables.tasks import Assistant, TaskRow
from secretariat.platform.tables.training import AdapterRow
from secretariat.platform.tasks import journal, repository
from secretariat.platform.tasks.effects import SqlEffectLedger
from secretariat.platform.tasks.failures import sentence
from secretariat.platform.tasks.terms import AssistantsChat, collections_within
from secretariat.retrieval.core import Scope

CANCEL_LOOK_SECONDS = 0.5
_UNKNOWN = Actor(type="agent")

Ending = TaskCancelled | TaskFailed | None
Loop = Callable[[Task, AgentContext], AsyncGenerator[TaskEvent, None]]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A task ready to go on, with the events of earlier leases and the asker's standing of this moment."""

    task: Task
    actor: Actor
    asker: UUID
    events: Sequence[TaskEvent]
    model: str
    adapter: AdapterRow | None


@dataclass(slots=True)
class _Steps:
    """How far the plan is carried out: the job's progress."""

    done: int = 0
    total: int = 0

    def count(self, event: TaskEvent) -> bool:
        """Whether the event changed it."""
        if isinstance(event, PlanProposed):
            self.total = len(event.steps)
        elif isinstance(event, StepCompleted):
            self.done += 1
        return isinstance(event, PlanProposed | StepCompleted)


async def run(run: JobRun, *, loop: Loop = cast("Loop", think)) -> None:
    """Raises JobFailedError, JobCancelledError and LeaseLostError; anything else is tried again."""
    loaded = await _load(run)
    if loaded is None:
        return
    context = await _context(run, loaded)
    try:
        async with aclosing(loop(loaded.task, context)) as events:
            ending = await _follow(run, loaded, events)
    except AgentError as error:
        await _end(run, loaded.actor, TaskFailed(code=error.code, message=error.message))
        raise JobFailedError(error.code, sentence(error.code)) from error
    if ending is not None and await _end(run, loaded.actor, ending):
        if isinstance(ending, TaskFailed):
            raise JobFailedError(ending.code, ending.message)
        raise JobCancelledError


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: end the task, so that nobody waits for it."""
    await _end(run, _UNKNOWN, _failure("quarantined"))


def _failure(code: str) -> TaskFailed:
    return TaskFailed(code=code, message=sentence(code))


async def _load(run: JobRun) -> _Loaded | None:
    """None when the task has ended already. Raises JobFailedError, JobCancelledError."""
    contents = run.services.contents
    async with run.session() as session:
        row = await repository.locked_task(session, run.subject_id)
        if row is None or row.status in ("completed", "failed"):
            return None
        if row.status == "cancelled":
            raise JobCancelledError
        refused = await _refusal(session, row.created_by)
        if refused is not None:
            await journal.write(session, contents, row, refused, _UNKNOWN)
            return None
        asker = await user(session, row.created_by)
        now = await standing(session, asker.id)
        actor = Actor(type="agent", id=asker.id, email=asker.email, roles=now.roles)
        events = await journal.read(session, contents, row.id)
        assistant = await repository.assistant(session, row.assistant_id) if row.assistant_id else None
        task = await _task(run, session, row, assistant)
        model = assistant.model if assistant else "default"
        adapter = await of_assistant(session, assistant)
        return _Loaded(task, actor, asker.id, [entry.event for entry in events], model, adapter)


async def _refusal(session: TenantSession, asker: UUID) -> TaskFailed | None:
    """Why the asker's tasks may not go on as of now."""
    now = await active_standing(session, asker)
    if now is None:
        return _failure("user_disabled")
    return None if "tasks.write" in now.permissions else _failure("asker_not_allowed")


async def _task(
    run: JobRun,
    session: TenantSession,
    row: TaskRow,
    assistant: Assistant | None,
) -> Task:
    return Task(
        id=row.id,
        request=await run.services.contents.text(session, row.request_id),
        scope=Scope(run.tenant_id),
        instructions=assistant.instructions if assistant else "",
        collection_ids=collections_within(row.collection_ids, assistant),
    )


async def _context(run: JobRun, loaded: _Loaded) -> AgentContext:
    services = run.services
    authority = PersonAuthority(services.database, loaded.asker, services.permits)
    call = CallContext(tenant=str(run.tenant_id), request_id=f"task-{loaded.task.id}")
    return AgentContext(
        chat=adapted(AssistantsChat(services.models, loaded.model), services, loaded.adapter),
        call=call,
        searcher=await searcher(services.indexes, run.tenant_id, authority, services.models, call),
        texts=SqlDocumentTexts(services.database, services.contents, authority),
        embedder=services.models,
        effects=SqlEffectLedger(run, loaded.task.id, loaded.actor),
        journal=tuple(loaded.events),
    )


async def _follow(run: JobRun, loaded: _Loaded, events: AsyncGenerator[TaskEvent, None]) -> Ending:
    """Until the loop ends, or until it must: how. That is noticed amid a model call, too."""
    return await watched(
        partial(_write_down, run, loaded, events), partial(_must_end, run, loaded), CANCEL_LOOK_SECONDS
    )


async def _write_down(run: JobRun, loaded: _Loaded, events: AsyncGenerator[TaskEvent, None]) -> Ending:
    """Journal each event before the loop makes the next one, until the loop ends or must."""
    steps = _Steps()
    for earlier in loaded.events:
        steps.count(earlier)
    async for event in events:
        if (ending := await _journal(run, loaded, event, steps)) is not None:
            return ending
    return None


async def _journal(run: JobRun, loaded: _Loaded, event: TaskEvent, steps: _Steps) -> Ending:
    """Write one event under the fencing token; how the task must end, if it must and hasn't."""
    async with run.session() as session:
        row = await repository.locked_task(session, run.subject_id)
        if row is None or row.status in journal.TERMINAL_STATUSES:
            raise LeaseLostError(f"task {run.subject_id} has ended elsewhere")
        await journal.write(session, run.services.contents, row, event, loaded.actor)
        if steps.count(event):
            await job_repository.set_progress(session, run.job_id, steps.done, steps.total)
        if row.status in journal.TERMINAL_STATUSES:
            return None
        if row.cancel_requested_at is not None:
            return TaskCancelled()
        return await _refusal(session, loaded.asker)


async def _end(run: JobRun, actor: Actor, event: TaskCancelled | TaskFailed) -> bool:
    """Whether this ended the task; False when it had ended before."""
    async with run.session() as session:
        row = await repository.locked_task(session, run.subject_id)
        if row is None or row.status in journal.TERMINAL_STATUSES:
            return False
        await journal.write(session, run.services.contents, row, event, actor)
        return True


async def _must_end(run: JobRun, loaded: _Loaded) -> Ending:
    """Cancelled, through the task or through its job; failed, because the asker may not go on."""
    async with run.services.database.tenant(run.tenant_id) as session:
        if await repository.cancel_requested(session, run.subject_id) is not None:
            return TaskCancelled()
        if (refused := await _refusal(session, loaded.asker)) is not None:
            return refused
        return TaskCancelled() if await job_repository.cancel_requested(session, run.job_id) else None
