"""No one becomes more than they are by way of administration."""

import pytest
import pytest_asyncio

from tests.support.factories import Person, browser, make_person


@pytest_asyncio.fixture(loop_scope="session")
async def admin(app, services, tenant):
    person = await make_person(app, services, tenant, "admin")
    yield person
    await person.client.aclose()


async def role_id(person: Person, name: str) -> str:
    listed = (await person.client.get("/api/v1/roles", params={"limit": 100})).json()["data"]
    return str(next(role["id"] for role in listed if role["name"] == name))


async def refused(answer) -> bool:
    return answer.status_code == 403 and answer.json()["code"] in ("ESCALATION", "PERMISSION_MISSING")


@pytest.mark.parametrize(
    "change",
    [{"password": "a new long password"}, {"status": "disabled"}, {"roles": ["member"]}, {"name": "X"}],
)
async def test_a_narrow_key_does_not_become_its_whole_owner(app, tenant, owner, change):
    wanted = {"name": "People", "permissions": ["users.manage", "roles.manage"]}
    secret = (await owner.client.post("/api/v1/keys", json=wanted)).json()["secret"]
    path = f"/api/v1/users/{owner.id}"
    async with browser(app) as program:
        program.headers["authorization"] = f"Bearer {secret}"
        assert await refused(await program.patch(path, json=change))
        assert await refused(await program.delete(path))
        made = await program.post("/api/v1/users", json={"email": "plain@example.com", "name": "Plain"})
        assert made.status_code == 201
        plain = await program.patch(
            f"/api/v1/users/{made.json()['id']}", json={"password": "a good long one"}
        )
        assert plain.status_code == 200


async def test_an_admin_cannot_make_an_owner(admin):
    body = {"email": "new@example.com", "name": "New", "roles": ["owner"]}
    assert await refused(await admin.client.post("/api/v1/users", json=body))
    assert await refused(
        await admin.client.patch(f"/api/v1/users/{admin.id}", json={"roles": ["owner", "admin"]})
    )


@pytest.mark.parametrize(
    "change", [{"password": "a new long password"}, {"status": "disabled"}, {"roles": []}, {"name": "X"}]
)
async def test_an_admin_cannot_touch_an_owner(admin, owner, change):
    assert await refused(await admin.client.patch(f"/api/v1/users/{owner.id}", json=change))
    assert await refused(await admin.client.delete(f"/api/v1/users/{owner.id}"))


async def test_a_role_cannot_hold_more_than_its_maker(admin, owner):
    body = {"name": "Back door", "permissions": ["audit.content.read"]}
    assert await refused(await admin.client.post("/api/v1/roles", json=body))
    made = await admin.client.post("/api/v1/roles", json={"name": "Plain", "permissions": ["jobs.read"]})
    path = f"/api/v1/roles/{made.json()['id']}"
    assert await refused(await admin.client.patch(path, json={"permissions": ["tenant.manage"]}))
    assert (await owner.client.patch(path, json={"permissions": ["tenant.manage"]})).status_code == 200
    assert await refused(await admin.client.patch(path, json={"name": "Mine again"}))
    assert await refused(await admin.client.delete(path))


async def test_a_connection_cannot_hand_out_more_than_its_maker_holds(admin):
    body = {"name": "SSO", "issuer": "https://id.example", "client_id": "c", "default_role": "owner"}
    assert await refused(await admin.client.post("/api/v1/connections", json=body))
    made = await admin.client.post("/api/v1/connections", json=body | {"default_role": "member"})
    assert made.status_code == 201
    path = f"/api/v1/connections/{made.json()['id']}"
    assert await refused(await admin.client.patch(path, json={"default_role": "owner"}))


async def test_a_connections_issuer_never_changes(owner):
    body = {"name": "SSO", "issuer": "https://id.example", "client_id": "c"}
    made = (await owner.client.post("/api/v1/connections", json=body)).json()
    path = f"/api/v1/connections/{made['id']}"
    answer = await owner.client.patch(path, json={"issuer": "https://evil.example"})
    assert answer.status_code == 422
    assert (await owner.client.get(path)).json()["issuer"] == "https://id.example"


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "ftp://id.example",
        "https://user:pass@id.example",
        "https://id.example/?x=1",
        "https://",
        "file:///etc/passwd",
        "http://127.0.0.1.evil.example",
        "https://[::1",
    ],
)
async def test_an_issuer_is_a_plain_https_address(owner, issuer):
    body = {"name": "SSO", "issuer": issuer, "client_id": "c"}
    assert (await owner.client.post("/api/v1/connections", json=body)).status_code == 422


async def test_without_roles_manage_no_role_is_given(app, services, tenant, owner):
    made = await owner.client.post(
        "/api/v1/roles", json={"name": "People office", "permissions": ["users.manage"]}
    )
    assert made.status_code == 201
    clerk = await make_person(app, services, tenant, "People office")
    plain = {"email": "plain@example.com", "name": "Plain"}
    assert (await clerk.client.post("/api/v1/users", json=plain)).status_code == 201
    named = {"email": "named@example.com", "name": "Named", "roles": ["People office"]}
    assert await refused(await clerk.client.post("/api/v1/users", json=named))
    await clerk.client.aclose()


async def test_builtin_roles_stay_as_they_are(owner):
    path = f"/api/v1/roles/{await role_id(owner, 'member')}"
    for answer in (
        await owner.client.patch(path, json={"permissions": []}),
        await owner.client.delete(path),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "BUILTIN_ROLE"


async def test_the_last_owner_stays(owner, app, services, tenant):
    path = f"/api/v1/users/{owner.id}"
    assert (await owner.client.patch(path, json={"roles": ["member"]})).status_code == 409
    assert (await owner.client.patch(path, json={"status": "disabled"})).status_code == 409
    assert (await owner.client.delete(path)).status_code == 409
    second = await make_person(app, services, tenant, "owner")
    assert (await owner.client.delete(path)).status_code == 204
    assert (await second.client.get("/api/v1/session")).status_code == 200
    await second.client.aclose()


async def test_a_role_in_use_is_not_deleted(owner, app, services, tenant):
    made = (await owner.client.post("/api/v1/roles", json={"name": "Temp", "permissions": []})).json()
    person = await make_person(app, services, tenant, "Temp")
    assert (await owner.client.delete(f"/api/v1/roles/{made['id']}")).status_code == 409
    await owner.client.patch(f"/api/v1/users/{person.id}", json={"roles": []})
    assert (await owner.client.delete(f"/api/v1/roles/{made['id']}")).status_code == 204
    await person.client.aclose()


async def test_unknown_roles_and_permissions_are_named(owner):
    role = await owner.client.post("/api/v1/roles", json={"name": "X", "permissions": ["root"]})
    assert role.status_code == 422
    assert "root" in role.json()["detail"]
    user = {"email": "y@example.com", "name": "Y", "roles": ["emperor"]}
    assert (await owner.client.post("/api/v1/users", json=user)).status_code == 422
