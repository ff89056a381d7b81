"""Jobs end exactly once, whoever dies on the way."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs import repository
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError, LeaseLostError
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.jobs.run import Handler, JobRun
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Job
from secretariat.platform.tables.tenants import Tenant


async def put_down(services: Services, tenant: Tenant) -> UUID:
    async with services.database.tenant(tenant.id) as session:
        return await enqueue(session, "test.work", Subject("thing", new_id(), "a thing"))


async def look(services: Services, tenant: Tenant, job_id: UUID) -> Job:
    async with services.database.tenant(tenant.id) as session:
        job = await repository.job(session, job_id)
    assert job is not None
    return job


async def expire_lease(services: Services, tenant: Tenant, job_id: UUID) -> None:
    """What time does to the lease of a worker that was killed."""
    async with services.database.tenant(tenant.id) as session:
        lease = await repository.lease(session, job_id)
        assert lease is not None
        lease.due_at = now() - timedelta(seconds=1)


async def do_nothing(_run: JobRun) -> None:
    return


async def test_a_job_runs_and_is_done(services: Services, tenant: Tenant) -> None:
    job_id = await put_down(services, tenant)
    await Runner(services, {"test.work": Handler(do_nothing)}).carry_out(tenant.id, job_id)
    job = await look(services, tenant, job_id)
    assert (job.status, job.attempt) == ("done", 1)
    assert job.finished_at is not None


async def test_two_wake_ups_give_one_run(services: Services, tenant: Tenant) -> None:
    runs = []

    async def work(run: JobRun) -> None:
        runs.append(run.token)
        await asyncio.sleep(0.1)

    job_id = await put_down(services, tenant)
    runners = [Runner(services, {"test.work": Handler(work)}) for _ in range(3)]
    await asyncio.gather(*(runner.carry_out(tenant.id, job_id) for runner in runners))
    assert runs == [1]


async def test_jobs_are_taken_side_by_side(
    services: Services, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, look_up = asyncio.Barrier(2), repository.locked_job

    async def together(session: TenantSession, job_id: UUID) -> Job | None:
        await both.wait()
        return await look_up(session, job_id)

    monkeypatch.setattr(repository, "locked_job", together)
    jobs = [await put_down(services, tenant) for _ in range(2)]
    runner = Runner(services, {"test.work": Handler(do_nothing, at_once=2)})
    async with asyncio.timeout(5):
        await asyncio.gather(*(runner.carry_out(tenant.id, job_id) for job_id in jobs))
    assert [(await look(services, tenant, job_id)).status for job_id in jobs] == ["done", "done"]


async def test_a_holder_whose_lease_was_taken_can_write_nothing_more(
    services: Services, tenant: Tenant
) -> None:
    taken_over = asyncio.Event()
    outcome = []

    async def slow(run: JobRun) -> None:
        if run.token == 1:
            await taken_over.wait()
            with pytest.raises(LeaseLostError):
                await run.progress(1, 1)
            outcome.append("refused")
            async with run.session():
                outcome.append("wrote")

    job_id = await put_down(services, tenant)
    runner = Runner(services, {"test.work": Handler(slow)})
    first = asyncio.create_task(runner.carry_out(tenant.id, job_id))
    while (await look(services, tenant, job_id)).attempt == 0:
        await asyncio.sleep(0.01)
    await expire_lease(services, tenant, job_id)
    await runner.carry_out(tenant.id, job_id)
    taken_over.set()
    await first
    assert outcome == ["refused"]
    assert (await look(services, tenant, job_id)).status == "done"


async def test_an_error_puts_the_job_back_and_the_attempts_end_in_quarantine(
    services: Services, tenant: Tenant
) -> None:
    given_up = []

    async def explode(_run: JobRun) -> None:
        raise RuntimeError("poison")

    async def on_quarantine(run: JobRun) -> None:
        given_up.append(run.job_id)

    job_id = await put_down(services, tenant)
    runner = Runner(services, {"test.work": Handler(explode, on_quarantine)})
    for _ in range(services.settings.job_attempts):
        await runner.carry_out(tenant.id, job_id)
        assert (await look(services, tenant, job_id)).status == "queued"
    await runner.carry_out(tenant.id, job_id)
    job = await look(services, tenant, job_id)
    assert job.status == "quarantined"
    assert given_up == [job_id]
    assert job.error is not None
    assert "poison" not in str(job.error), "an exception's words may be content"


@pytest.mark.parametrize(
    ("error", "status"), [(JobFailedError("NO", "No."), "failed"), (JobCancelledError(), "cancelled")]
)
async def test_a_final_end_is_not_tried_again(
    services: Services, tenant: Tenant, error: Exception, status: str
) -> None:
    async def end(_run: JobRun) -> None:
        raise error

    job_id = await put_down(services, tenant)
    runner = Runner(services, {"test.work": Handler(end)})
    await runner.carry_out(tenant.id, job_id)
    await runner.carry_out(tenant.id, job_id)
    job = await look(services, tenant, job_id)
    assert (job.status, job.attempt) == (status, 1)


async def test_a_rolled_back_request_leaves_no_job(services: Services, tenant: Tenant) -> None:
    made = []
    with pytest.raises(RuntimeError):
        async with services.database.tenant(tenant.id) as session:
            made.append(await enqueue(session, "test.work", Subject("thing", new_id())))
            raise RuntimeError("the request failed after all")
    async with services.database.tenant(tenant.id) as session:
        assert await repository.job(session, made[0]) is None


async def test_a_kind_runs_at_most_so_often_at_once(services: Services, tenant: Tenant) -> None:
    release = asyncio.Event()
    started = []

    async def hold(run: JobRun) -> None:
        started.append(run.job_id)
        await release.wait()

    runner = Runner(services, {"test.work": Handler(hold, at_once=1)})
    first, second = [await put_down(services, tenant) for _ in range(2)]
    running = asyncio.create_task(runner.carry_out(tenant.id, first))
    while not started:
        await asyncio.sleep(0.01)
    await runner.carry_out(tenant.id, second)
    assert started == [first]
    release.set()
    await running
    await runner.carry_out(tenant.id, second)
    assert started == [first, second]


async def test_a_place_that_gets_free_is_taken_by_who_waited(services: Services, tenant: Tenant) -> None:
    """No wake-up comes a second time, and none is needed."""
    carried_out = []

    async def work(run: JobRun) -> None:
        await asyncio.sleep(0.02)
        carried_out.append(run.job_id)

    ids = [await put_down(services, tenant) for _ in range(7)]
    runner = Runner(services, {"test.work": Handler(work, at_once=2)})
    await asyncio.gather(*(runner.carry_out(tenant.id, job_id) for job_id in ids))
    assert len(carried_out) == len(ids)
    assert {*carried_out} == {*ids}


async def test_a_holder_in_a_long_transaction_keeps_its_lease(services: Services, tenant: Tenant) -> None:
    tokens, in_it, enough = [], asyncio.Event(), asyncio.Event()

    async def slow(run: JobRun) -> None:
        tokens.append(run.token)
        async with run.session():
            in_it.set()
            await enough.wait()
        async with run.session():
            pass

    job_id = await put_down(services, tenant)
    brief = replace(services, settings=services.settings.model_copy(update={"lease_seconds": 1}))
    runners = [Runner(brief, {"test.work": Handler(slow)}) for _ in range(2)]
    first = asyncio.create_task(runners[0].carry_out(tenant.id, job_id))
    await in_it.wait()
    await asyncio.sleep(1.3)
    rivals = [asyncio.create_task(runners[1].carry_out(tenant.id, job_id)) for _ in range(2)]
    await asyncio.wait(rivals, timeout=0.5)
    enough.set()
    await asyncio.gather(first, *rivals)
    assert tokens == [1]
    assert (await look(services, tenant, job_id)).status == "done"


async def test_jobs_taken_at_the_same_moment_keep_to_their_kinds_limit(
    services: Services, tenant: Tenant
) -> None:
    running = most = 0

    async def work(_run: JobRun) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1

    ids = [await put_down(services, tenant) for _ in range(6)]
    runner = Runner(services, {"test.work": Handler(work, at_once=2)})
    await asyncio.gather(*(runner.carry_out(tenant.id, job_id) for job_id in ids))
    assert most == 2


async def test_a_kind_that_this_worker_does_not_know_is_left_for_another(
    services: Services, tenant: Tenant
) -> None:
    job_id = await put_down(services, tenant)
    await Runner(services, {}).carry_out(tenant.id, job_id)
    assert (await look(services, tenant, job_id)).status == "queued"
    await Runner(services, {"test.work": Handler(do_nothing)}).carry_out(tenant.id, job_id)
    assert (await look(services, tenant, job_id)).status == "done"


async def test_a_job_that_is_put_back_into_its_queue_runs_at_once(services: Services, tenant: Tenant) -> None:
    async def refuse(_run: JobRun) -> None:
        raise JobFailedError("NO", "No.")

    job_id = await put_down(services, tenant)
    await Runner(services, {"test.work": Handler(refuse)}).carry_out(tenant.id, job_id)
    async with services.database.tenant(tenant.id) as session:
        job = await repository.job(session, job_id)
        assert job is not None
        job.status = "queued"
        await repository.ensure_outbox(session, job_id)
    await Runner(services, {"test.work": Handler(do_nothing)}).carry_out(tenant.id, job_id)
    assert (await look(services, tenant, job_id)).status == "done"
