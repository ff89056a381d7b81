"""What the tests of tasks do again and again; `scripted` is a double of the agent loop."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select

from secretariat.agents import core
from secretariat.agents.core import AgentContext, Effect, ReportDraft, Task, TaskEvent
from secretariat.platform.jobs import repository as job_repository
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.tasks import TaskRow
from secretariat.platform.tasks import jobs
from tests.support.factories import Person

Loop = Callable[[Task, AgentContext], AsyncGenerator[TaskEvent, None]]
USE = core.ModelUse(name="m", weights_sha256="0" * 64, engine="double", prompt_tokens=3, completion_tokens=2)
QUOTE = "twenty-eight days"
CLAIM = core.CitationClaim(
    document_id=new_id(),
    document="Leave",
    start=3,
    end=20,
    quote=QUOTE,
    quote_sha256=hashlib.sha256(QUOTE.encode()).hexdigest(),
    verified=True,
)
PASSAGE = core.RetrievedPassage(
    document_id=CLAIM.document_id, document="Leave", chunk_id=new_id(), start=0, end=20,
    text="It says twenty-eight", score=0.5,
)  # fmt: skip
STEP = core.PlanStep(id="s1", tool="search", arguments={"query": "leave"}, purpose="look it up")
EVENTS: tuple[TaskEvent, ...] = (
    core.TaskStarted(request="How much leave?"),
    core.ModelPrompted(
        call="c1", step=None, purpose="plan", messages=({"role": "user", "content": "Plan for How much leave?"},)
    ),
    core.ModelAnswered(
        call="c1", step=None, purpose="plan", text="search", finish_reason="stop", model=USE, mean_logprob=-0.25,
        seconds=0.5,
    ),
    core.PlanProposed(steps=(STEP,), plan_sha256="ab" * 32),
    core.StepStarted(step="s1", tool="search"),
    core.ToolRequested(step="s1", tool="search", arguments={"query": "leave"}),
    core.RetrievalCompleted(
        step="s1", query="leave", passages=(PASSAGE,), allowed_count=2, denied_count=1, index_seq=7
    ),
    core.ToolCompleted(step="s1", tool="search", result={"passages": 1}, seconds=0.1),
    core.OutputDelta(step="s1", text="twenty-eight"),
    core.StepCompleted(step="s1", tool="search", summary="1 passage", seconds=0.2),
    core.CitationAdded(step="s1", citation=CLAIM),
    core.TaskCompleted(answer="Twenty-eight days.", citations=(CLAIM,), abstained=False),
)  # fmt: skip


def scripted(
    events: tuple[TaskEvent, ...] = EVENTS,
    *,
    before: Callable[[int, AgentContext], Awaitable[None]] | None = None,
) -> Loop:
    """Yields what the journal lacks of `events`; `before(n, context)` runs ahead of event number n."""

    async def loop(_task: Task, context: AgentContext) -> AsyncGenerator[TaskEvent, None]:
        assert tuple(context.journal) == events[: len(context.journal)]
        for number, event in enumerate(events[len(context.journal) :], len(context.journal) + 1):
            if before is not None:
                await before(number, context)
            yield event

    return loop


def runner(services: Services, loop: Loop) -> Runner:
    handler = Handler(partial(jobs.run, loop=loop), jobs.on_quarantine)
    return Runner(services, {"tasks.run": handler})


async def give(person: Person, request: str = "How much leave?", **more: object) -> dict[str, Any]:
    answer = await person.client.post("/api/v1/tasks", json={"request": request, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def row_of(services: Services, person: Person, task_id: str) -> TaskRow:
    async with services.database.tenant(person.tenant.id) as session:
        return await session.get_one(TaskRow, (person.tenant.id, UUID(task_id)))


async def job_id_of(services: Services, person: Person, task_id: str) -> UUID:
    job_id = (await row_of(services, person, task_id)).job_id
    assert job_id is not None
    return job_id


async def carry_out(services: Services, person: Person, task_id: str, loop: Loop | None = None) -> None:
    job_id = await job_id_of(services, person, task_id)
    await runner(services, loop or scripted()).carry_out(person.tenant.id, job_id)


async def expire_lease(services: Services, person: Person, task_id: str) -> None:
    """What time does to the lease of a worker that was killed."""
    job_id = await job_id_of(services, person, task_id)
    async with services.database.tenant(person.tenant.id) as session:
        lease = await job_repository.lease(session, job_id)
        assert lease is not None
        lease.due_at = now() - timedelta(seconds=1)


async def read(person: Person, task_id: str) -> dict[str, Any]:
    return dict((await person.client.get(f"/api/v1/tasks/{task_id}")).json())


async def journal_of(person: Person, task_id: str, **query: int) -> list[dict[str, Any]]:
    answer = await person.client.get(
        f"/api/v1/tasks/{task_id}/events", params=query, headers={"accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def records_of(services: Services, person: Person, task_id: str) -> list[AuditRecord]:
    async with services.database.tenant(person.tenant.id) as session:
        query = select(AuditRecord).where(AuditRecord.task_id == UUID(task_id)).order_by(AuditRecord.id)
        return list(await session.scalars(query))


def report(key: str = "write_report:abc") -> tuple[Effect, ReportDraft]:
    return Effect(key, "write_report", "cd" * 32), ReportDraft(
        "Leave report", "# Leave\n\nTwenty-eight days."
    )


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)
