"""Engine and sessions. A TenantSession sets `app.tenant` at the start of each of its transactions.

The setting is local to the transaction (SET LOCAL), so a pooled connection never carries it on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

_TENANT = "tenant_id"


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
        self.engine: AsyncEngine = create_async_engine(
            url, pool_pre_ping=True, hide_parameters=True, **options
        )
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

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[UnboundSession]:
        async with UnboundSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
