"""A tenant's own page."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.identity.callers import AnyCaller, TenantManage, TenantSessionDep
from secretariat.platform.tables.tenants import Tenant
from secretariat.platform.tenants import repository
from secretariat.platform.web.routing import api_router

router = api_router("tenant", "/api/v1/tenant")


class TenantView(BaseModel):
    id: UUID
    slug: str
    name: str
    status: str
    created_at: datetime


class TenantChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


@router.get("", operation_id="get_tenant")
async def get_tenant(_caller: AnyCaller, session: TenantSessionDep) -> TenantView:
    return _view(await repository.own(session))


@router.patch("", operation_id="change_tenant")
async def change_tenant(caller: TenantManage, session: TenantSessionDep, body: TenantChange) -> TenantView:
    await repository.rename(session, body.name)
    tenant = await repository.own(session)
    await record(
        session,
        caller.did(
            "ADMIN",
            "tenant.update",
            Resource("tenant", str(tenant.id), tenant.slug),
            details={"changed": ["name"]},
        ),
    )
    return _view(tenant)


def _view(tenant: Tenant) -> TenantView:
    return TenantView(
        id=tenant.id,
        slug=tenant.slug,
        name=tenant.name,
        status=tenant.status,
        created_at=tenant.created_at,
    )
