"""API keys: what they may do, and when they stop."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from secretariat.platform.kit.times import now
from secretariat.platform.tables.identity import ApiKey
from tests.support.factories import Person, browser, make_person


async def make_key(person: Person, **body: object) -> dict[str, Any]:
    answer = await person.client.post("/api/v1/keys", json={"name": "robot", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def program(app, secret: str) -> httpx.AsyncClient:
    client = browser(app)
    client.headers["authorization"] = f"Bearer {secret}"
    return client


async def test_a_key_acts_as_its_maker_without_cookies_or_csrf(app, owner):
    key = await make_key(owner, permissions=["users.manage"])
    async with program(app, key["secret"]) as client:
        session = (await client.get("/api/v1/session")).json()
        assert session["user"]["id"] == str(owner.id)
        assert session["permissions"] == ["users.manage"]
        assert session["csrf_token"] is None
        assert (await client.post("/api/v1/groups", json={"name": "By key"})).status_code == 201
        assert (await client.get("/api/v1/connections")).status_code == 403


async def test_the_secret_is_shown_once(owner, postgres):
    key = await make_key(owner, permissions=[])
    secret = key["secret"].rsplit("_", 1)[0]
    for path in ("/api/v1/keys", f"/api/v1/keys/{key['id']}"):
        assert key["secret"] not in (await owner.client.get(path)).text
    assert key["prefix"].startswith("sk_")
    assert secret not in key["prefix"]
    with postgres.connect(postgres.superuser_url) as connection:
        kept = connection.execute("SELECT * FROM api_keys WHERE id = %s", [UUID(key["id"])]).fetchone()
    assert key["secret"][-43:] not in str(kept)


async def test_a_key_is_never_stronger_than_its_maker_is_now(app, services, tenant, owner):
    builder = await make_person(app, services, tenant, "builder")
    refused = await builder.client.post("/api/v1/keys", json={"name": "x", "permissions": ["audit.read"]})
    assert refused.status_code == 403
    assert refused.json()["code"] == "ESCALATION"
    key = await make_key(builder, roles=["member"])
    async with program(app, key["secret"]) as client:
        assert (await client.get("/api/v1/assistants")).status_code == 200
        weaker = await owner.client.patch(f"/api/v1/users/{builder.id}", json={"roles": ["auditor"]})
        assert weaker.status_code == 200
        assert (await client.get("/api/v1/assistants")).status_code == 403
    await builder.client.aclose()


async def test_a_key_cannot_make_a_stronger_key(app, owner):
    key = await make_key(owner, permissions=["keys.manage", "jobs.read"])
    async with program(app, key["secret"]) as client:
        more = await client.post("/api/v1/keys", json={"name": "x", "permissions": ["users.manage"]})
        assert more.status_code == 403
        same = await client.post("/api/v1/keys", json={"name": "x", "permissions": ["jobs.read"]})
        assert same.status_code == 201


async def test_a_revoked_key_is_out_at_the_next_request(app, owner):
    key = await make_key(owner, permissions=["jobs.read"])
    async with program(app, key["secret"]) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200
        assert (await owner.client.delete(f"/api/v1/keys/{key['id']}")).status_code == 204
        assert (await client.get("/api/v1/jobs")).status_code == 401


async def test_an_expired_key_is_refused(app, owner, database, tenant):
    expires = (now() + timedelta(hours=1)).isoformat()
    key = await make_key(owner, permissions=["jobs.read"], expires_at=expires)
    async with program(app, key["secret"]) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200
        async with database.tenant(tenant.id) as session:
            row = (await session.scalars(select(ApiKey).where(ApiKey.id == UUID(key["id"])))).one()
            row.expires_at = now()
        assert (await client.get("/api/v1/jobs")).status_code == 401


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00"])
async def test_an_expiry_lies_ahead_and_has_a_zone(owner, expires_at):
    body = {"name": "x", "permissions": [], "expires_at": expires_at}
    assert (await owner.client.post("/api/v1/keys", json=body)).status_code == 422


async def test_disabling_a_person_ends_the_keys_and_sessions(app, services, tenant, owner):
    builder = await make_person(app, services, tenant, "builder")
    key = await make_key(builder, permissions=["jobs.read"])
    answer = await owner.client.patch(f"/api/v1/users/{builder.id}", json={"status": "disabled"})
    assert answer.json()["status"] == "disabled"
    async with program(app, key["secret"]) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 401
    assert (await builder.client.get("/api/v1/session")).status_code == 401
    back = await owner.client.patch(f"/api/v1/users/{builder.id}", json={"status": "active"})
    assert back.status_code == 200
    assert (await builder.client.get("/api/v1/session")).status_code == 401
    await builder.client.aclose()


async def test_use_is_noted_at_most_once_a_minute(app, owner, database, tenant):
    key = await make_key(owner, permissions=["jobs.read"])

    async def last_used():
        async with database.tenant(tenant.id) as session:
            return (
                await session.scalars(select(ApiKey.last_used_at).where(ApiKey.id == UUID(key["id"])))
            ).one()

    assert await last_used() is None
    async with program(app, key["secret"]) as client:
        await client.get("/api/v1/jobs")
        first = await last_used()
        await client.get("/api/v1/jobs")
        assert first is not None
        assert await last_used() == first


async def test_a_key_of_another_tenant_in_this_tenants_name(app, owner, other_tenant):
    key = await make_key(owner, permissions=["jobs.read"])
    _, _, id_hex, secret = key["secret"].split("_", 3)
    async with program(app, f"sk_{other_tenant.id.hex}_{id_hex}_{secret}") as client:
        assert (await client.get("/api/v1/jobs")).status_code == 401


async def test_others_keys_are_seen_by_user_managers_only(app, services, tenant, owner):
    builder = await make_person(app, services, tenant, "builder")
    mine, theirs = await make_key(owner, permissions=[]), await make_key(builder, permissions=[])
    assert (await builder.client.get(f"/api/v1/keys/{mine['id']}")).status_code == 404
    assert (await builder.client.delete(f"/api/v1/keys/{mine['id']}")).status_code == 404
    listed = (await builder.client.get("/api/v1/keys")).json()["data"]
    assert [key["id"] for key in listed] == [theirs["id"]]
    assert (await owner.client.delete(f"/api/v1/keys/{theirs['id']}")).status_code == 204
    await builder.client.aclose()
