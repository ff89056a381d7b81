"""Making tenants, and what their own people see and change of them."""

import secrets

import pytest
from sqlalchemy import update

from secretariat.platform.access.permissions import BUILTIN_ROLES
from secretariat.platform.tables.tenants import Tenant
from secretariat.platform.tenants.service import create_tenant, find_tenant
from secretariat.platform.web.errors import ConflictError, InvalidError
from tests.support.factories import make_person


async def test_a_new_tenant_has_the_builtin_roles(database, app, services):
    slug = f"new-{secrets.token_hex(4)}"
    tenant = await create_tenant(database, slug, "New & Co")
    found = await find_tenant(database, slug)
    assert found is not None
    assert found.id == tenant.id
    owner = await make_person(app, services, tenant, "owner")
    roles = (await owner.client.get("/api/v1/roles", params={"limit": 100})).json()["data"]
    assert {role["name"]: frozenset(role["permissions"]) for role in roles} == dict(BUILTIN_ROLES)
    assert all(role["builtin"] for role in roles)
    records = (await owner.client.get("/api/v1/audit/records")).json()["data"]
    assert [record["action"] for record in records] == ["tenant.create"]
    await owner.client.aclose()


async def test_a_short_name_is_taken_once(database, tenant):
    with pytest.raises(ConflictError):
        await create_tenant(database, tenant.slug, "Again")


@pytest.mark.parametrize("slug", ["", "Upper", "with space", "-edge", "edge-", "ä", "x" * 64, "a/b", "a.b"])
async def test_short_names_fit_into_addresses(database, slug):
    with pytest.raises(InvalidError):
        await create_tenant(database, slug, "X")


async def test_the_tenants_own_page(owner, other_owner):
    mine = (await owner.client.get("/api/v1/tenant")).json()
    assert mine["id"] == str(owner.tenant.id)
    changed = await owner.client.patch("/api/v1/tenant", json={"name": "Renamed"})
    assert changed.json()["name"] == "Renamed"
    assert (await owner.client.get("/api/v1/session")).json()["tenant"]["name"] == "Renamed"
    assert (await other_owner.client.get("/api/v1/tenant")).json()["name"] == "Other"


async def test_a_suspended_tenant_is_closed_to_its_sessions(owner, database):
    async with database.unbound() as session:
        await session.execute(update(Tenant).where(Tenant.id == owner.tenant.id).values(status="suspended"))
    assert (await owner.client.get("/api/v1/session")).status_code == 401
