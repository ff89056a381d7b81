"""Engine and sessions. A TenantSession sets `app.tenant` at the start of each of its transactions.

The setting is local to the transaction (SET LOCAL), so a pooled connection never carries it on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from math import inf
from time import monotonic
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg import Error as DriverError
from sqlalchemy import Compiled, Connection, Engine, Select, event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

_TENANT = "tenant_id"
_IDLE_SINCE, _SURELY_ALIVE_SECONDS = "idle_since", 0.1
_BIND = "SELECT set_config('app.tenant', %s, true)"


class TenantSession(AsyncSession):
    """Sees and writes rows of one tenant only; the database itself enforces it."""

    @property
    def tenant_id(self) -> UUID:
        tenant_id = self.info[_TENANT]
        assert isinstance(tenant_id, UUID)
        return tenant_id


class UnboundSession(AsyncSession):
    """For the tables that belong to no tenant. Every tenant table looks empty from here."""


class _BindingSession(Session):
    """The synchronous core of a TenantSession."""


@event.listens_for(_BindingSession, "after_begin")
def _bind(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    connection.execute(
        text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(session.info[_TENANT])}
    )


class Database:
    """One engine and the two kinds of session over it.

    `after_commit` is called with each tenant session that has committed; it must not raise.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.engine: AsyncEngine = create_async_engine(url, hide_parameters=True, **options)
        _ask_whether_alive(self.engine.sync_engine)
        self.after_commit: Callable[[TenantSession], Awaitable[None]] | None = None

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[TenantSession]:
        """A session bound to the tenant; commits once at the end, rolls back on an error."""
        async with (
            TenantSession(
                self.engine,
                sync_session_class=_BindingSession,
                info={_TENANT: tenant_id},
                expire_on_commit=False,
            ) as session,
            session.begin(),
        ):
            yield session
        if self.after_commit is not None:
            await self.after_commit(session)

    async def glance(
        self, tenant_id: UUID, query: Select[*tuple[Any, ...]], values: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        """The rows of a query that is made once and asked often, as a session of the tenant sees them.

        What a session takes five turns for goes to the server and comes back in one: binding and query travel
        together, as one transaction. Nothing that waits for a commit is told of it. Raises OperationalError.
        """
        words = _in_words(query)
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, AsyncConnection)
            try:
                await driver.set_autocommit(True)  # a pipeline is a transaction by itself
                async with driver.pipeline():
                    await driver.execute(_BIND, [str(tenant_id)])
                    found = await driver.execute(str(words), words.construct_params(values))
                await driver.set_autocommit(False)
                return await found.fetchall()
            except BaseException as error:
                await connection.invalidate()  # who knows what it still waits for
                if isinstance(error, DriverError):  # in the engine's words, as from a session
                    raise OperationalError(str(words), None, error, hide_parameters=True) from error
                raise

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[UnboundSession]:
        async with UnboundSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


def _ask_whether_alive(engine: Engine) -> None:
    """Before a connection is used that has lain idle: the server may be another one by now."""

    @event.listens_for(engine, "checkin")
    def _idle_from_now(_driver: object, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(driver: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if monotonic() - record.info.get(_IDLE_SINCE, inf) > _SURELY_ALIVE_SECONDS:
            try:
                engine.dialect.do_ping(driver)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error


@cache
def _in_words(query: Select[*tuple[Any, ...]]) -> Compiled:
    return query.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
