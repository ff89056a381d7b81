"""What is due is sent again, by a role that can see nothing but when."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from secretariat.platform.db.session import Database
from secretariat.platform.jobs.dispatcher import Dispatcher
from secretariat.platform.jobs.queue import Subject, enqueue, schedule
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Job
from secretariat.platform.tables.tenants import Tenant
from tests.support.postgres import Postgres


@pytest_asyncio.fixture(loop_scope="session")
async def dispatch_database(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(postgres.dispatcher_url)
    yield database
    await database.close()


async def test_a_job_whose_wake_up_was_lost_is_sent_by_the_sweep(
    services: Services, tenant: Tenant, dispatch_database: Database
) -> None:
    sent: list[tuple[UUID, UUID]] = []
    dispatcher = Dispatcher(services, dispatch_database, lambda *ids: sent.append(ids))
    async with services.database.tenant(tenant.id) as session:
        job_id = await enqueue(session, "test.work", Subject("thing", new_id()))
    await dispatcher.sweep()
    assert (tenant.id, job_id) in sent
    sent.clear()
    await dispatcher.sweep()
    assert (tenant.id, job_id) not in sent, "a job that was just sent is left alone for a while"


async def test_what_comes_round_is_enqueued_once_each_time_it_is_due(
    services: Services, tenant: Tenant, dispatch_database: Database, postgres: Postgres
) -> None:
    async def enqueued() -> int:
        async with services.database.tenant(tenant.id) as session:
            return len(list(await session.scalars(select(Job.id).where(Job.kind == "test.chore"))))

    dispatcher = Dispatcher(services, dispatch_database, lambda *_ids: None)
    async with services.database.tenant(tenant.id) as session:
        await schedule(session, "test.chore", timedelta(hours=1))
    await dispatcher.sweep()
    assert await enqueued() == 0
    with postgres.connect(postgres.superuser_url) as connection:  # an hour goes by
        connection.execute("UPDATE schedules SET due_at = now() WHERE tenant_id = %s", (tenant.id,))
    await dispatcher.sweep()
    await dispatcher.sweep()
    assert await enqueued() == 1


@pytest.mark.parametrize(
    "query",
    ["SELECT * FROM outbox", "SELECT kind FROM jobs", "SELECT holder FROM leases", "SELECT email FROM users"],
)
async def test_the_dispatcher_can_read_nothing_else(dispatch_database: Database, query: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with dispatch_database.unbound() as session:
            await session.execute(text(query))
