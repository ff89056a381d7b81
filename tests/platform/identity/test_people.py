"""Users and groups: what administrators set, what is on record, what a password may be."""

import pytest

from secretariat.platform.identity.passwords import hash_password
from tests.support.factories import browser, make_person, make_user, sign_in


async def test_a_person_is_added_and_signs_in(app, owner, tenant):
    body = {
        "email": " Grace@Example.com ",
        "name": "Grace",
        "password": "a long enough one",
        "roles": ["builder"],
    }
    made = await owner.client.post("/api/v1/users", json=body)
    assert made.status_code == 201
    assert made.json()["email"] == "grace@example.com"
    assert made.json()["roles"] == ["builder"]
    async with browser(app) as client:
        credentials = {"tenant": tenant.slug, "email": "grace@example.com", "password": "a long enough one"}
        answer = await client.post("/api/v1/session", json=credentials)
        assert answer.status_code == 200
        assert answer.json()["roles"] == ["builder"]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 129, "grace-and-more-words"])
async def test_weak_passwords_are_refused(owner, password):
    body = {"email": "grace@example.com", "name": "Grace", "password": password}
    answer = await owner.client.post("/api/v1/users", json=body)
    assert answer.status_code == 422
    assert password not in answer.text


async def test_one_address_one_person(owner):
    body = {"email": "twice@example.com", "name": "Twice"}
    assert (await owner.client.post("/api/v1/users", json=body)).status_code == 201
    again = await owner.client.post("/api/v1/users", json=body | {"email": "TWICE@example.com"})
    assert again.status_code == 409


async def test_the_same_address_may_live_in_two_tenants(owner, other_owner):
    body = {"email": "both@example.com", "name": "Both"}
    assert (await owner.client.post("/api/v1/users", json=body)).status_code == 201
    assert (await other_owner.client.post("/api/v1/users", json=body)).status_code == 201


async def test_a_new_password_ends_the_persons_sessions(app, services, tenant, owner):
    member = await make_person(app, services, tenant, "member")
    path = f"/api/v1/users/{member.id}"
    assert (await owner.client.patch(path, json={"password": "another long one"})).status_code == 200
    assert (await member.client.get("/api/v1/session")).status_code == 401
    assert (await owner.client.get("/api/v1/session")).status_code == 200
    await member.client.aclose()


async def test_a_session_alone_does_not_change_its_own_password(app, services, tenant, database, owner):
    old, new = "the old long password", "another long one"
    user = await make_user(database, tenant, "owner", password_hash=await hash_password(old))
    client = await sign_in(app, services, user)
    path = f"/api/v1/users/{user.id}"
    for body in ({"password": new}, {"password": new, "current_password": "a guess"}):
        refused = await client.patch(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "WRONG_PASSWORD")
        assert refused.json()["errors"][0]["pointer"] == "/current_password"
    assert (await client.patch(path, json={"name": "Ada L."})).status_code == 200
    assert (await client.patch(path, json={"password": new, "current_password": old})).status_code == 200
    credentials = {"tenant": tenant.slug, "email": user.email, "password": new}
    async with browser(app) as fresh:
        assert (await fresh.post("/api/v1/session", json=credentials)).status_code == 200
    await client.aclose()


async def test_a_stolen_session_does_not_guess_the_password(app, services, tenant, database):
    old, new = "the old long password", "another long one"
    user = await make_user(database, tenant, "owner", password_hash=await hash_password(old))
    client = await sign_in(app, services, user)
    path = f"/api/v1/users/{user.id}"
    guesses = [
        (await client.patch(path, json={"password": new, "current_password": f"guess {n}"})).status_code
        for n in range(11)
    ]
    assert guesses == [422] * 10 + [429]
    right = await client.patch(path, json={"password": new, "current_password": old})
    assert right.status_code == 429
    await client.aclose()


async def test_who_has_no_password_sets_the_first(owner):
    path = f"/api/v1/users/{owner.id}"
    assert (await owner.client.patch(path, json={"password": "a first long one"})).status_code == 200
    assert (await owner.client.patch(path, json={"password": "a second long one"})).status_code == 422


async def test_a_changed_role_counts_from_the_next_request(app, services, tenant, owner):
    member = await make_person(app, services, tenant, "member")
    assert (await member.client.get("/api/v1/users")).status_code == 403
    await owner.client.patch(f"/api/v1/users/{member.id}", json={"roles": ["admin"]})
    assert (await member.client.get("/api/v1/users")).status_code == 200
    await member.client.aclose()


async def test_people_are_listed_newest_first_in_pages(owner, database, tenant):
    made = [str((await make_user(database, tenant)).id) for _ in range(4)]
    expected = [*reversed(made), str(owner.id)]
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await owner.client.get("/api/v1/users", params=params)).json()
        ids = [user["id"] for user in page["data"]]
        assert (page["first_id"], page["last_id"]) == (ids[0], ids[-1])
        seen += ids
        if not page["has_more"]:
            break
        params["after"] = page["last_id"]
    assert seen == expected


async def test_people_are_found_by_part_of_name_or_address(owner, database, tenant):
    user = await make_user(database, tenant, name="Hedwig 100%_sure")
    found = (await owner.client.get("/api/v1/users", params={"search": "100%_"})).json()["data"]
    assert [each["id"] for each in found] == [str(user.id)]


async def test_groups_and_their_members(owner, database, tenant):
    user = await make_user(database, tenant)
    group = (await owner.client.post("/api/v1/groups", json={"name": "Finance"})).json()
    members = f"/api/v1/groups/{group['id']}/members"
    for _ in range(2):
        added = await owner.client.post(members, json={"user_id": str(user.id)})
        assert added.status_code == 201
    assert [each["id"] for each in (await owner.client.get(members)).json()["data"]] == [str(user.id)]
    shown = (await owner.client.get(f"/api/v1/groups/{group['id']}")).json()
    assert shown["member_count"] == 1
    assert (await owner.client.delete(f"{members}/{user.id}")).status_code == 204
    assert (await owner.client.delete(f"{members}/{user.id}")).status_code == 404
    assert (await owner.client.post("/api/v1/groups", json={"name": "Finance"})).status_code == 409
    renamed = await owner.client.patch(f"/api/v1/groups/{group['id']}", json={"name": "Treasury"})
    assert renamed.json()["name"] == "Treasury"
    assert (await owner.client.delete(f"/api/v1/groups/{group['id']}")).status_code == 204
    assert (await owner.client.get(f"/api/v1/groups/{group['id']}")).status_code == 404


async def test_every_change_is_on_record_with_its_actor(owner):
    user = (await owner.client.post("/api/v1/users", json={"email": "r@example.com", "name": "R"})).json()
    await owner.client.patch(f"/api/v1/users/{user['id']}", json={"roles": ["member"]})
    await owner.client.delete(f"/api/v1/users/{user['id']}")
    await owner.client.post("/api/v1/groups", json={"name": "G"})
    await owner.client.post("/api/v1/roles", json={"name": "R", "permissions": []})
    await owner.client.post("/api/v1/keys", json={"name": "K", "permissions": []})
    await owner.client.post(
        "/api/v1/connections", json={"name": "C", "issuer": "https://id.example", "client_id": "c"}
    )
    await owner.client.patch("/api/v1/tenant", json={"name": "Acme & Sons"})
    records = (await owner.client.get("/api/v1/audit/records", params={"limit": 100})).json()["data"]
    actions = [record["action"] for record in reversed(records)]
    assert actions[-8:] == [
        "user.create",
        "user.update",
        "user.disable",
        "group.create",
        "role.create",
        "key.create",
        "connection.create",
        "tenant.update",
    ]
    assert {record["actor"]["id"] for record in records[:8]} == {str(owner.id)}


@pytest.mark.parametrize("email", ["no-at-sign", "a@b@c", "two words@example.com", "line\nbreak@example.com"])
async def test_addresses_are_plausible(owner, email):
    answer = await owner.client.post("/api/v1/users", json={"email": email, "name": "X"})
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "null\x00byte", "bell\x07"])
async def test_names_are_plain_text(owner, name):
    answer = await owner.client.post("/api/v1/groups", json={"name": name})
    assert answer.status_code == 422
