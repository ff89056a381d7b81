"""The table of tenants, which belongs to no tenant."""

from uuid import UUID

from sqlalchemy import select, update

from secretariat.platform.db.session import TenantSession, UnboundSession
from secretariat.platform.tables.tenants import Tenant


async def add(session: UnboundSession, tenant: Tenant) -> None:
    session.add(tenant)
    await session.flush()


async def by_slug(session: UnboundSession, slug: str) -> Tenant | None:
    return await session.scalar(select(Tenant).where(Tenant.slug == slug))


async def by_id(session: UnboundSession, tenant_id: UUID) -> Tenant | None:
    return await session.scalar(select(Tenant).where(Tenant.id == tenant_id))


async def own(session: TenantSession) -> Tenant:
    return (await session.scalars(select(Tenant).where(Tenant.id == session.tenant_id))).one()


async def rename(session: TenantSession, name: str) -> None:
    await session.execute(update(Tenant).where(Tenant.id == session.tenant_id).values(name=name))
