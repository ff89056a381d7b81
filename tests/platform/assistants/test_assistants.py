"""Assistants are made, changed and deleted by those who may, and seen by all in the tenant."""

import asyncio

from fastapi import FastAPI

from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from tests.support.factories import Person, make_person

ASSISTANTS = "/api/v1/assistants"


async def test_the_life_of_an_assistant(app: FastAPI, services: Services, owner: Person) -> None:
    collection = (await owner.client.post("/api/v1/collections", json={"name": "Handbook"})).json()["id"]
    body = {"name": "Clerk", "instructions": "Be brief.", "collection_ids": [collection]}
    made = await owner.client.post(ASSISTANTS, json=body)
    assert made.status_code == 201
    assert made.json().items() >= (body | {"model": "default"}).items()
    path = f"{ASSISTANTS}/{made.json()['id']}"

    again = await owner.client.post(ASSISTANTS, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "NAME_TAKEN")
    changed = await owner.client.patch(path, json={"instructions": "Be kind.", "collection_ids": []})
    assert (changed.json()["name"], changed.json()["instructions"]) == ("Clerk", "Be kind.")
    assert changed.json()["collection_ids"] == []

    member = await make_person(app, services, owner.tenant, "member")
    assert [row["id"] for row in (await member.client.get(ASSISTANTS)).json()["data"]] == [made.json()["id"]]
    for answer in (
        await member.client.post(ASSISTANTS, json={"name": "Mine"}),
        await member.client.patch(path, json={"name": "Mine"}),
        await member.client.delete(path),
    ):
        assert answer.status_code == 403

    assert (await owner.client.delete(path)).status_code == 204
    assert (await owner.client.get(path)).status_code == 404


async def test_another_tenants_assistant_does_not_exist(owner: Person, other_owner: Person) -> None:
    made = (await owner.client.post(ASSISTANTS, json={"name": "Clerk"})).json()
    for path in (f"{ASSISTANTS}/{made['id']}", f"{ASSISTANTS}/{new_id()}"):
        for answer in (
            await other_owner.client.get(path),
            await other_owner.client.patch(path, json={"name": "Stolen"}),
            await other_owner.client.delete(path),
        ):
            assert (answer.status_code, answer.json()["detail"]) == (404, "No such assistant.")
    theirs = (await other_owner.client.post("/api/v1/collections", json={"name": "Theirs"})).json()["id"]
    answer = await owner.client.post(ASSISTANTS, json={"name": "Spy", "collection_ids": [theirs]})
    assert answer.status_code == 404


async def test_two_who_rename_at_once_don_t_end_with_one_name(owner: Person) -> None:
    made = [(await owner.client.post(ASSISTANTS, json={"name": name})).json() for name in "ABCDEF"]
    answers = await asyncio.gather(
        *(owner.client.patch(f"{ASSISTANTS}/{one['id']}", json={"name": "Same"}) for one in made)
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (len(made) - 1)]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"NAME_TAKEN"}
