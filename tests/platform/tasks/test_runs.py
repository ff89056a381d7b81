"""Workers die, leases are taken, people change their minds: the journal stays one run."""

import asyncio
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select

from secretariat.agents.core import AgentContext, Effect
from secretariat.agents.errors import JournalMismatchError, LimitExceededError
from secretariat.platform.access.repository import assign
from secretariat.platform.jobs.run import Handler, JobRun
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, GroupMember, User
from secretariat.platform.tables.tasks import Artifact, EffectRow
from secretariat.platform.tasks import jobs
from secretariat.retrieval.core import Scope, SearchRequest
from secretariat.retrieval.errors import DocumentNotFoundError
from tests.platform.documents import steps as documents
from tests.platform.tasks.steps import (
    EVENTS,
    Loop,
    carry_out,
    expire_lease,
    give,
    job_id_of,
    journal_of,
    read,
    records_of,
    report,
    runner,
    scripted,
    until,
)
from tests.support.factories import Person, make_person

ALL = [event.type for event in EVENTS]


class Killed(BaseException):
    """A worker that dies says nothing."""


def dying_before(number: int) -> Loop:
    async def die(at: int, _context: AgentContext) -> None:
        if at == number:
            raise Killed

    return scripted(before=die)


async def types_of(person: Person, task_id: str) -> list[str]:
    return [event["type"] for event in await journal_of(person, task_id)]


async def wait_for(services: Services, person: Person, task_id: str, work: "asyncio.Future[None]") -> None:
    async def begun() -> bool:
        return work.done() or bool(await journal_of(person, task_id))

    await until(begun)


@pytest.mark.parametrize("number", [1, 2, 5, len(EVENTS)])
async def test_killed_before_any_event_it_goes_on_from_there(
    services: Services, owner: Person, number: int
) -> None:
    given = await give(owner)
    with pytest.raises(Killed):
        await carry_out(services, owner, given["id"], dying_before(number))
    assert await types_of(owner, given["id"]) == ALL[: number - 1]
    await expire_lease(services, owner, given["id"])
    await carry_out(services, owner, given["id"])
    assert await types_of(owner, given["id"]) == ALL
    assert (await read(owner, given["id"]))["status"] == "completed"
    actions = [record.action for record in await records_of(services, owner, given["id"])]
    assert len(actions) == len(set(actions))


async def test_an_event_is_on_record_before_the_loop_goes_on(services: Services, owner: Person) -> None:
    given = await give(owner)
    counts = []

    async def look(_number: int, _context: AgentContext) -> None:
        counts.append(len(await journal_of(owner, given["id"])))

    await carry_out(services, owner, given["id"], scripted(before=look))
    assert counts == list(range(len(EVENTS)))


async def test_a_worker_whose_lease_was_taken_writes_nothing(services: Services, owner: Person) -> None:
    given = await give(owner)
    go = asyncio.Event()
    outcomes: list[BaseException] = []

    async def stuck(number: int, context: AgentContext) -> None:
        if number == 4:
            await go.wait()
            try:
                await context.effects.write_report(*report())
            except Exception as error:
                outcomes.append(error)
                raise

    slow = asyncio.ensure_future(carry_out(services, owner, given["id"], scripted(before=stuck)))

    async def at_the_third() -> bool:
        return len(await journal_of(owner, given["id"])) == 3

    await until(at_the_third)
    await expire_lease(services, owner, given["id"])
    await carry_out(services, owner, given["id"])
    done = await read(owner, given["id"])
    records = len(await records_of(services, owner, given["id"]))
    go.set()
    await slow
    assert [type(error).__name__ for error in outcomes] == ["LeaseLostError"]
    assert await read(owner, given["id"]) == done
    assert done["artifacts"] == []
    assert await types_of(owner, given["id"]) == ALL
    assert len(await records_of(services, owner, given["id"])) == records
    job_id = await job_id_of(services, owner, given["id"])
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "done"


async def test_an_effect_happens_once_whoever_dies_after_it(services: Services, owner: Person) -> None:
    given = await give(owner)
    ids: list[UUID] = []

    async def write_and_die(number: int, context: AgentContext) -> None:
        if number == 6:
            effect, draft = report()
            assert (await context.effects.reserve(effect) is None) == (not ids)
            ids.append(await context.effects.write_report(effect, draft))
            if len(ids) == 1:
                raise Killed

    with pytest.raises(Killed):
        await carry_out(services, owner, given["id"], scripted(before=write_and_die))
    await expire_lease(services, owner, given["id"])
    await carry_out(services, owner, given["id"], scripted(before=write_and_die))
    assert len(ids) == 2
    assert ids[0] == ids[1]
    async with services.database.tenant(owner.tenant.id) as session:
        assert len(list(await session.scalars(select(Artifact)))) == 1
        (effect,) = await session.scalars(select(EffectRow))
    assert (effect.status, effect.outcome) == ("settled", {"artifact_id": str(ids[0])})
    written = [r for r in await records_of(services, owner, given["id"]) if r.action == "report.written"]
    assert [r.content[0]["role"] for r in written] == ["report"]


async def test_two_writers_of_one_effect_make_one_report(services: Services, owner: Person) -> None:
    given = await give(owner)
    ids: list[UUID] = []

    async def write(number: int, context: AgentContext) -> None:
        if number == 2:
            ids.extend(await asyncio.gather(*(context.effects.write_report(*report()) for _ in range(4))))
            with pytest.raises(JournalMismatchError):
                await context.effects.reserve(Effect(report()[0].key, "write_report", "00" * 32))

    await carry_out(services, owner, given["id"], scripted(before=write))
    assert len(ids) == 4
    assert len(set(ids)) == 1


async def test_a_waiting_task_is_cancelled_at_once(services: Services, owner: Person) -> None:
    given = await give(owner)
    cancelled = await owner.client.post(f"/api/v1/tasks/{given['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    await carry_out(services, owner, given["id"])
    assert await types_of(owner, given["id"]) == ["task.cancelled"]
    job_id = await job_id_of(services, owner, given["id"])
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "cancelled"
    again = await owner.client.post(f"/api/v1/tasks/{given['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "TASK_ENDED")


@pytest.mark.parametrize("through", ["task", "job"])
async def test_a_running_task_stops_amid_a_model_call(
    services: Services, owner: Person, through: str
) -> None:
    given = await give(owner)
    stopped = []

    async def endless(number: int, _context: AgentContext) -> None:
        if number == 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(True)
                raise

    work = asyncio.ensure_future(carry_out(services, owner, given["id"], scripted(before=endless)))
    await wait_for(services, owner, given["id"], work)
    job_id = await job_id_of(services, owner, given["id"])
    path = f"/api/v1/tasks/{given['id']}/cancel" if through == "task" else f"/api/v1/jobs/{job_id}/cancel"
    assert (await owner.client.post(path)).status_code == 200
    async with asyncio.timeout(5):
        await work
    assert stopped == [True]
    assert await types_of(owner, given["id"]) == [*ALL[:2], "task.cancelled"]
    assert (await read(owner, given["id"]))["status"] == "cancelled"
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "cancelled"


async def test_a_failure_of_the_loop_fails_the_task_for_good(services: Services, owner: Person) -> None:
    given = await give(owner)

    async def fail(number: int, _context: AgentContext) -> None:
        if number == 2:
            raise LimitExceededError("Too many model calls.")

    await carry_out(services, owner, given["id"], scripted(before=fail))
    failed = await read(owner, given["id"])
    assert (failed["status"], failed["error"]) == (
        "failed",
        {"code": "limit_exceeded", "message": "Too many model calls."},
    )
    assert (await records_of(services, owner, given["id"]))[-1].outcome == "failure"


async def test_a_task_that_keeps_breaking_is_given_up(services: Services, owner: Person) -> None:
    given = await give(owner)
    job_id = await job_id_of(services, owner, given["id"])

    async def broken(_run: JobRun) -> None:
        raise RuntimeError

    hopeless = documents.impatient(services, job_attempts=1)
    for _ in range(2):
        await Runner(hopeless, {"tasks.run": Handler(broken, jobs.on_quarantine)}).carry_out(
            owner.tenant.id, job_id
        )
    assert (await read(owner, given["id"]))["error"]["code"] == "quarantined"
    assert await types_of(owner, given["id"]) == ["task.failed"]


async def test_a_task_that_has_ended_is_given_again_not_retried(services: Services, owner: Person) -> None:
    given = await give(owner)

    async def fail(_number: int, _context: AgentContext) -> None:
        raise LimitExceededError("Too many model calls.")

    await carry_out(services, owner, given["id"], scripted(before=fail))
    job_id = await job_id_of(services, owner, given["id"])
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "failed"
    retried = await owner.client.post(f"/api/v1/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["detail"]) == (
        409,
        "The task has ended. Ask for it again instead.",
    )
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "failed"


async def test_who_may_no_longer_give_tasks_has_none_carried_out(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    given = await give(member)
    async with services.database.tenant(owner.tenant.id) as session:
        user = await session.scalar(select(User).where(User.id == member.id))
        assert user is not None
        user.status = "disabled"
    await carry_out(services, owner, given["id"])
    assert (await read(owner, given["id"]))["error"]["code"] == "user_disabled"


@pytest.mark.parametrize(("change", "code"), [("disable", "user_disabled"), ("demote", "asker_not_allowed")])
async def test_a_task_stops_when_its_asker_may_not_go_on(
    app: FastAPI, services: Services, owner: Person, change: str, code: str
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    given = await give(member)
    results: list[int] = []

    async def lose(number: int, context: AgentContext) -> None:
        if number != 3:
            return
        async with services.database.tenant(owner.tenant.id) as session:
            if change == "disable":
                user = await session.get_one(User, (owner.tenant.id, member.id))
                user.status = "disabled"
            else:
                await assign(session, member.id, [])
        scope = Scope(owner.tenant.id)
        results.append((await context.searcher.search(scope, SearchRequest("holiday"))).allowed)
        await asyncio.sleep(60)

    await documents.ingested(services, owner, await documents.make_collection(owner))
    async with asyncio.timeout(20):
        await carry_out(services, owner, given["id"], scripted(before=lose))
    assert results == [0]
    assert await types_of(owner, given["id"]) == [*ALL[:2], "task.failed"]
    assert (await read(owner, given["id"]))["error"]["code"] == code
    job_id = await job_id_of(services, owner, given["id"])
    assert (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "failed"


async def test_leaving_a_group_counts_for_tasks_under_way(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    collection_id = await documents.make_collection(owner, private=True)
    await documents.ingested(services, owner, collection_id)
    async with services.database.tenant(owner.tenant.id) as session:
        group = Group(tenant_id=owner.tenant.id, name="staff")
        session.add(group)
        await session.flush()
        session.add(GroupMember(tenant_id=owner.tenant.id, group_id=group.id, user_id=member.id))
    await owner.client.post(
        f"/api/v1/collections/{collection_id}/grants", json={"principal": f"group:{group.id}"}
    )
    seen: list[int] = []

    async def search(number: int, context: AgentContext) -> None:
        if number not in (2, 3):
            return
        if number == 3:
            async with services.database.tenant(owner.tenant.id) as session:
                await session.execute(delete(GroupMember).where(GroupMember.user_id == member.id))
        scope = Scope(owner.tenant.id)
        seen.append((await context.searcher.search(scope, SearchRequest("holiday"))).allowed)

    given = await give(member)
    await carry_out(services, owner, given["id"], scripted(before=search))
    assert seen == [1, 0]


async def test_a_run_reads_what_its_asker_may_read_at_that_moment(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    collection_id = await documents.make_collection(owner)
    document = await documents.ingested(services, owner, collection_id)
    scope = Scope(owner.tenant.id)
    seen: list[object] = []

    async def search(number: int, context: AgentContext) -> None:
        if number not in (2, 3):
            return
        if number == 3:
            deny = {"principal": f"user:{member.id}", "effect": "deny"}
            await owner.client.post(f"/api/v1/documents/{document['id']}/grants", json=deny)
        result = await context.searcher.search(scope, SearchRequest("paid holiday in a year"))
        seen.append((len(result.passages) > 0, result.allowed, result.denied))
        try:
            await context.texts.text(scope, UUID(str(document["id"])))
            seen.append("read")
        except DocumentNotFoundError:
            seen.append("hidden")

    given = await give(member)
    await carry_out(services, owner, given["id"], scripted(before=search))
    assert seen == [(True, 1, 0), "read", (False, 0, 1), "hidden"]


async def test_a_task_that_has_ended_is_not_run_again(services: Services, owner: Person) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    job_id = await job_id_of(services, owner, given["id"])
    await runner(services, dying_before(1)).carry_out(owner.tenant.id, job_id)
    assert await types_of(owner, given["id"]) == ALL
