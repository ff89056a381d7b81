"""Members find those with whom they share, by name: a few at a time, of their own tenant, and on record."""

from typing import Any

import pytest

from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.identity import Group, User
from tests.platform.documents.steps import audited
from tests.support.factories import Person, make_person, make_user


async def look(person: Person, **asked: Any) -> dict[str, Any]:
    answer = await person.client.get("/api/v1/directory", params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def member(app, services, database, tenant):
    """Beside a group, Anna Berg, Bertram and Carl, who was disabled."""
    await make_user(database, tenant, name="Anna Berg", email="anna@example.com")
    await make_user(database, tenant, name="bertram", email="b@example.com")
    carl = await make_user(database, tenant, name="Carl Berg", email="carl@example.com")
    async with database.tenant(tenant.id) as session:
        session.add(Group(tenant_id=tenant.id, id=new_id(), name="Works council"))
        session.add(Group(tenant_id=tenant.id, id=new_id(), name="Bergen office"))
        (await session.get_one(User, (tenant.id, carl.id))).status = "disabled"
    person = await make_person(app, services, tenant, "member")
    yield person
    await person.client.aclose()


async def test_words_of_names_and_addresses_are_found_by_how_they_begin(member, owner, services):
    found = await look(member, search="BER")
    assert [(one["kind"], one["name"], one["email"]) for one in found["data"]] == [
        ("group", "Bergen office", None),
        ("user", "Anna Berg", "anna@example.com"),
        ("user", "bertram", "b@example.com"),
    ]
    assert not found["more"]
    for words, name in (("anna@", "Anna Berg"), ("anna b", "Anna Berg"), ("council", "Works council")):
        assert [one["name"] for one in (await look(member, search=words))["data"]] == [name]
    for words in ("erg", "carl", "%%", "__"):
        assert (await look(member, search=words))["data"] == []
    records = await audited(services, owner, "directory.search")
    assert records[0]["details"] == {"shown": 3}
    assert [one["role"] for one in records[0]["content"]] == ["query"]
    assert "BER" not in str(records[0])


async def test_what_is_found_can_be_shared_with_and_has_a_name_afterwards(app, services, tenant, member):
    builder = await make_person(app, services, tenant, "builder")
    anna = (await look(builder, search="anna"))["data"][0]
    made = await builder.client.post("/api/v1/collections", json={"name": "Plans", "private": True})
    path = f"/api/v1/collections/{made.json()['id']}/grants"
    shared = await builder.client.post(path, json={"principal": anna["principal"]})
    assert shared.status_code == 201
    standing = [grant["principal"] for grant in (await builder.client.get(path)).json()["data"]]
    names = {one["principal"]: one["name"] for one in (await look(member, principal=standing))["data"]}
    assert names[anna["principal"]] == "Anna Berg"
    assert names.keys() == set(standing)
    await builder.client.aclose()


async def test_names_stay_known_of_those_who_were_disabled_and_unknown_ones_are_left_out(
    member, owner, database, tenant, other_tenant, services
):
    foreign = await make_user(database, other_tenant)
    gone = await make_user(database, tenant, name="Dora")
    async with database.tenant(tenant.id) as session:
        (await session.get_one(User, (tenant.id, gone.id))).status = "disabled"
    asked = [f"user:{gone.id}", f"user:{foreign.id}", f"group:{new_id()}"]
    found = await look(member, principal=asked)
    assert [(one["name"], one["active"]) for one in found["data"]] == [("Dora", False)]
    assert (await audited(services, owner, "directory.resolve"))[0]["details"] == {"shown": 1}


async def test_a_search_gives_a_few_and_says_that_there_are_more(member, database, tenant):
    for number in range(22):
        await make_user(database, tenant, name=f"Zoe {number}")
    found = await look(member, search="zoe")
    assert (len(found["data"]), found["more"]) == (20, True)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"search": "a"},
        {"search": "ab", "principal": f"user:{new_id()}"},
        {"principal": "everyone"},
        {"principal": "user:1"},
        {"principal": [f"user:{new_id()}"] * 51},
    ],
)
async def test_nobody_lists_everyone(member, asked):
    assert (await member.client.get("/api/v1/directory", params=asked)).status_code == 422


async def test_without_the_permission_nobody_is_found(app, services, tenant):
    auditor = await make_person(app, services, tenant, "auditor")
    assert (await auditor.client.get("/api/v1/directory", params={"search": "an"})).status_code == 403
    await auditor.client.aclose()
