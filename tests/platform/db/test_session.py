"""A look at a tenant in one exchange sees what a session of the tenant sees, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, func, literal, select, text
from sqlalchemy.exc import OperationalError

from secretariat.platform.db.session import Database
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.tenants import Tenant
from tests.support.factories import make_user
from tests.support.postgres import Postgres

NAMED = select(User.id).where(User.id == bindparam("person"))
BROKEN = select(literal(1) / bindparam("by"))
SLOW = select(func.pg_sleep(bindparam("seconds")))


@pytest.fixture
async def one_connection(postgres: Postgres) -> AsyncIterator[Database]:
    """Whatever a look leaves on its connection, the next user finds."""
    made = Database(postgres.app_url, pool_size=1, max_overflow=0)
    yield made
    await made.close()


async def test_it_sees_its_tenant_alone_and_binds_nothing_for_whoever_comes_next(
    one_connection: Database, tenant: Tenant, other_tenant: Tenant
) -> None:
    person = await make_user(one_connection, tenant)
    for _ in range(8):  # as often as it takes the driver to prepare it
        assert await one_connection.glance(tenant.id, NAMED, {"person": person.id}) == [(person.id,)]
        assert await one_connection.glance(other_tenant.id, NAMED, {"person": person.id}) == []
    async with one_connection.unbound() as session:
        assert await session.scalar(text("SELECT current_setting('app.tenant', true)")) in {None, ""}
        assert (await session.scalars(select(User.id))).all() == []


async def test_one_that_fails_or_is_given_up_is_in_nobodys_way(
    one_connection: Database, tenant: Tenant
) -> None:
    person = await make_user(one_connection, tenant)
    with pytest.raises(OperationalError):
        await one_connection.glance(tenant.id, BROKEN, {"by": 0})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await one_connection.glance(tenant.id, SLOW, {"seconds": 5})
    assert await one_connection.glance(tenant.id, NAMED, {"person": person.id}) == [(person.id,)]
    async with one_connection.tenant(tenant.id) as session:
        assert await session.scalar(NAMED, {"person": person.id}) == person.id


async def test_a_connection_that_died_while_it_lay_idle_is_replaced(
    one_connection: Database, postgres: Postgres, tenant: Tenant
) -> None:
    own = select(func.pg_backend_pid())
    [(backend,)] = await one_connection.glance(tenant.id, own, {})
    with postgres.connect(postgres.superuser_url) as by_hand:
        by_hand.execute("SELECT pg_terminate_backend(%s)", [backend])
    await asyncio.sleep(0.15)
    assert await one_connection.glance(tenant.id, own, {}) != [(backend,)]
