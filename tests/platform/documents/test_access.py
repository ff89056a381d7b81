"""Grants decide at every request and every search; ids of others are as unknown as ids of nothing."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, GroupMember
from tests.platform.documents.steps import audited, found, ingested, make_collection
from tests.support.factories import Person, make_person


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["data"]]


async def test_a_private_collection_is_its_makers(app: FastAPI, services: Services, owner: Person) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    private = await make_collection(owner, private=True)
    open_to_all = await make_collection(owner, "Open")
    hidden = await ingested(services, owner, private)
    shown = await ingested(
        services, owner, open_to_all, data=b"Holiday is paid.", name="open.txt", media_type=""
    )

    assert ids((await member.client.get("/api/v1/collections")).json()) == [open_to_all]
    assert ids((await member.client.get("/api/v1/documents")).json()) == [shown["id"]]
    result = await found(member, "paid holiday in a year")
    assert {passage["document_id"] for passage in result["passages"]} == {shown["id"]}
    assert (result["allowed"], result["denied"]) == (1, 0)
    both = {"collection_ids": [private, open_to_all]}
    within = await found(member, "paid holiday in a year", **both)
    assert (within["allowed"], within["denied"]) == (1, 0)
    builder = await make_person(app, services, owner.tenant, "builder")
    managed = await found(builder, "paid holiday in a year", **both)
    assert (managed["allowed"], managed["denied"]) == (1, 1)
    recorded = [one["details"] for one in await audited(services, owner, "search")]
    assert [(one["allowed"], one["denied"]) for one in recorded] == [(1, 1)] * 3

    unknown = str(new_id())
    for path in ("", "/text", "/chunks", "/content"):
        gone = await member.client.get(f"/api/v1/documents/{hidden['id']}{path}")
        never = await member.client.get(f"/api/v1/documents/{unknown}{path}")
        assert gone.status_code == never.status_code == 404
        assert gone.json()["detail"] == never.json()["detail"]
    assert (await member.client.delete(f"/api/v1/documents/{hidden['id']}")).status_code == 404
    upload = await member.client.post(
        "/api/v1/documents", files={"file": ("a.txt", b"words")}, data={"collection_id": private}
    )
    assert upload.status_code == 404


async def test_a_deny_on_a_document_beats_the_collections_allow_at_once(
    app: FastAPI, services: Services, owner: Person
) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    collection_id = await make_collection(owner)
    document = await ingested(services, owner, collection_id)
    assert (await found(member, "paid holiday"))["passages"]

    grants = f"/api/v1/documents/{document['id']}/grants"
    made = await owner.client.post(grants, json={"principal": f"user:{member.id}", "effect": "deny"})
    assert made.status_code == 201
    again = await owner.client.post(grants, json={"principal": f"user:{member.id}", "effect": "deny"})
    assert again.json() == made.json()
    denied = await found(member, "paid holiday")
    assert denied["passages"] == []
    assert (denied["allowed"], denied["denied"]) == (0, 0)
    assert (await audited(services, owner, "search"))[-1]["details"]["denied"] == 1
    assert (await found(owner, "paid holiday"))["passages"]
    assert (await member.client.get("/api/v1/collections")).json()["data"][0]["document_count"] == 0

    assert ids((await owner.client.get(grants)).json()) == [made.json()["id"]]
    assert (await owner.client.delete(f"{grants}/{made.json()['id']}")).status_code == 204
    assert (await owner.client.delete(f"{grants}/{made.json()['id']}")).status_code == 404
    assert (await found(member, "paid holiday"))["passages"]
    assert [one["details"] for one in await audited(services, owner, "grant.created")] == [
        {"principal": f"user:{member.id}", "effect": "deny"}
    ]


async def test_a_group_opens_a_collection(app: FastAPI, services: Services, owner: Person) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    async with services.database.tenant(owner.tenant.id) as session:
        group = Group(tenant_id=owner.tenant.id, name="staff")
        session.add(group)
        await session.flush()
        session.add(GroupMember(tenant_id=owner.tenant.id, group_id=group.id, user_id=member.id))
    collection_id = await make_collection(owner, private=True)
    await ingested(services, owner, collection_id)
    assert (await found(member, "holiday"))["passages"] == []
    await owner.client.post(
        f"/api/v1/collections/{collection_id}/grants", json={"principal": f"group:{group.id}"}
    )
    assert (await found(member, "holiday"))["passages"]


@pytest.mark.parametrize("principal", ["user:x", "role:owner", "everybody", "user:*"])
async def test_a_grant_names_a_known_kind_of_principal(owner: Person, principal: str) -> None:
    collection_id = await make_collection(owner)
    answer = await owner.client.post(
        f"/api/v1/collections/{collection_id}/grants", json={"principal": principal}
    )
    assert answer.status_code == 422
    assert principal not in answer.text


async def test_another_tenant_finds_nothing(services: Services, owner: Person, other_owner: Person) -> None:
    collection_id = await make_collection(owner)
    document = await ingested(services, owner, collection_id)
    result = await found(other_owner, "paid holiday")
    assert (result["passages"], result["allowed"], result["denied"]) == ([], 0, 0)
    within = await found(other_owner, "paid holiday", collection_ids=[collection_id])
    assert within["passages"] == []
    for path in (f"/api/v1/documents/{document['id']}", f"/api/v1/collections/{collection_id}"):
        assert (await other_owner.client.get(path)).status_code == 404
        assert (await other_owner.client.delete(path)).status_code == 404
        assert (await other_owner.client.get(f"{path}/grants")).status_code == 404


async def test_a_member_may_not_manage(app: FastAPI, services: Services, owner: Person) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    collection_id = await make_collection(owner)
    assert (await member.client.post("/api/v1/collections", json={"name": "Mine"})).status_code == 403
    assert (await member.client.delete(f"/api/v1/collections/{collection_id}")).status_code == 403
    answer = await member.client.post(
        f"/api/v1/collections/{collection_id}/grants", json={"principal": "everyone"}
    )
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith("collections.manage.")
    auditor = await make_person(app, services, owner.tenant, "auditor")
    assert (await auditor.client.post("/api/v1/search", json={"query": "x"})).status_code == 403


async def test_collections_have_names_and_lives(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    again = await owner.client.post("/api/v1/collections", json={"name": "Handbook"})
    assert (again.status_code, again.json()["code"]) == (409, "NAME_TAKEN")
    patched = await owner.client.patch(
        f"/api/v1/collections/{collection_id}", json={"description": "All of it"}
    )
    assert (patched.json()["name"], patched.json()["description"]) == ("Handbook", "All of it")
    document = await ingested(services, owner, collection_id)
    full = await owner.client.delete(f"/api/v1/collections/{collection_id}")
    assert (full.status_code, full.json()["code"]) == (409, "COLLECTION_NOT_EMPTY")
    assert (await owner.client.delete(f"/api/v1/documents/{document['id']}")).status_code == 204
    assert (await owner.client.delete(f"/api/v1/collections/{collection_id}")).status_code == 204
    assert (await owner.client.get(f"/api/v1/collections/{collection_id}")).status_code == 404
    assert await make_collection(owner) != collection_id


async def test_of_two_of_one_name_at_once_one_is_made(owner: Person) -> None:
    answers = await asyncio.gather(
        *(owner.client.post("/api/v1/collections", json={"name": "Same"}) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_lists_are_paged_newest_first(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    made = [
        (
            await ingested(
                services, owner, collection_id, data=f"Note {n}.".encode(), name=f"{n}.txt", media_type=""
            )
        )
        for n in range(3)
    ]
    first = (await owner.client.get("/api/v1/documents", params={"limit": 2})).json()
    assert ids(first) == [made[2]["id"], made[1]["id"]]
    assert first["has_more"]
    rest = (await owner.client.get("/api/v1/documents", params={"after": first["last_id"]})).json()
    assert ids(rest) == [made[0]["id"]]
    assert not rest["has_more"]
    assert ids((await owner.client.get("/api/v1/documents", params={"status": "rejected"})).json()) == []
    elsewhere = {"collection_id": str(new_id())}
    assert ids((await owner.client.get("/api/v1/documents", params=elsewhere)).json()) == []


async def test_two_who_rename_at_once_don_t_end_with_one_name(owner: Person) -> None:
    made = [(await owner.client.post("/api/v1/collections", json={"name": name})).json() for name in "ABCDEF"]
    answers = await asyncio.gather(
        *(owner.client.patch(f"/api/v1/collections/{one['id']}", json={"name": "Same"}) for one in made)
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (len(made) - 1)]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"NAME_TAKEN"}
