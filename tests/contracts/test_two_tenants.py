"""Nothing of one tenant can be read, changed or noticed from another, on any route there is.

Driven by the OpenAPI document, so a route added later is covered on the day it appears.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from tests.support.openapi import Operation, operations
from tests.support.tenants import CANARY, World, make_world

# They take no caller; each has tests of its own for foreign ids.
WITHOUT_CALLER = {"start_sso", "finish_sso", "sign_in_by_link", "sign_in_options", "sign_in"}
# Their work needs the model server; foreign ids in them are refused before it is asked.
STARTS_WORK = {"search", "create_chat_completion", "create_embeddings"}
VARIABLE = ("request_id", "instance")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worlds(app: FastAPI, services: Services) -> AsyncIterator[tuple[World, World]]:
    ours, theirs = await make_world(app, services, "Ours"), await make_world(app, services, "Theirs")
    yield ours, theirs
    await ours.owner.client.aclose()
    await theirs.owner.client.aclose()


@pytest.fixture(scope="module")
def listed(app: FastAPI) -> list[Operation]:
    return [each for each in operations(app.openapi()) if each.id not in WITHOUT_CALLER]


def told(answer: httpx.Response) -> tuple[int, Any]:
    """What an answer says, without what differs by design."""
    if not answer.headers.get("content-type", "").endswith("json"):
        return answer.status_code, answer.content
    body = answer.json()
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in VARIABLE}
    return answer.status_code, body


def shows_nothing_of(world: World, answer: httpx.Response, sent: object = None) -> None:
    for name, value in world.ids.items():
        assert str(value) not in answer.text or str(value) in str(sent), f"{name} in {answer.text[:300]}"


def test_every_id_parameter_has_a_thing_to_try_it_with(listed, worlds):
    ours, _ = worlds
    unknown = {
        (operation.id, name)
        for operation in listed
        for name in [*operation.ids_in("path"), *operation.ids_in("query")]
        if name not in ours.ids and name not in ("after", "before")
    }
    unknown |= {
        (operation.id, name)
        for operation in listed
        for name in operation.body_ids()
        if name.removesuffix("s") not in ours.ids
    }
    assert not unknown, "add them to tests/support/tenants.py"


async def test_nothing_that_we_may_read_shows_anything_of_theirs(listed, worlds):
    ours, theirs = worlds
    seen = 0
    for operation in listed:
        if operation.method != "GET":
            continue
        answer = await operation.call(ours.owner.client, ours.ids, query={"limit": 100})
        assert answer.status_code != 500, operation.id
        shows_nothing_of(theirs, answer)
        seen += answer.status_code == 200
    assert seen >= 25


async def test_foreign_ids_in_paths_look_like_unknown_ones(listed, worlds):
    ours, theirs = worlds
    tried = 0
    for operation in listed:
        names = operation.ids_in("path")
        if not names:
            continue
        body = operation.smallest_body() if operation.body_type else None
        for index, name in enumerate(names):
            # Earlier ids are our own, so that each place of the path is tried by itself.
            known = {earlier: ours.ids[earlier] for earlier in names[:index]}
            rest = {later: theirs.ids[later] for later in names[index + 1 :]}
            foreign = await operation.call(
                ours.owner.client, known | rest | {name: theirs.ids[name]}, body=body
            )
            unknown = await operation.call(ours.owner.client, known | rest | {name: new_id()}, body=body)
            where = f"{operation.method} {operation.path} ({name}): {foreign.text[:300]}"
            assert foreign.status_code == 404, where
            assert told(foreign) == told(unknown), where
            tried += 1
    assert tried >= 40


async def test_foreign_ids_in_queries_find_nothing(listed, worlds):
    ours, theirs = worlds
    for operation in listed:
        for name in operation.ids_in("query"):
            if any(each not in ours.ids for each in operation.ids_in("path")):
                continue
            value = theirs.ids.get(name, theirs.ids["task_id"])
            foreign = await operation.call(ours.owner.client, ours.ids, query={name: str(value)})
            shows_nothing_of(theirs, foreign, sent=value)
            assert CANARY not in foreign.text or name in ("after", "before"), operation.id
            if name not in ("after", "before"):
                unknown = await operation.call(ours.owner.client, ours.ids, query={name: str(new_id())})
                assert told(foreign) == told(unknown), operation.id


async def test_foreign_ids_in_bodies_look_like_unknown_ones(listed, worlds):
    ours, theirs = worlds
    tried = 0
    for operation in listed:
        for name in operation.body_ids():
            many = name.endswith("s")
            smallest = operation.smallest_body()
            foreign_id, unknown_id = str(theirs.ids[name.removesuffix("s")]), str(new_id())
            answers = []
            for value in (foreign_id, unknown_id):
                body = smallest | {name: [value] if many else value}
                answers.append(await operation.call(ours.owner.client, ours.ids, body=body))
            foreign, unknown = answers
            where = f"{operation.id}.{name}: {foreign.status_code} {foreign.text[:300]}"
            assert told(foreign) == told(unknown), where
            assert foreign.status_code in (404, 422) or operation.id in STARTS_WORK, where
            shows_nothing_of(theirs, foreign)
            tried += 1
    assert tried >= 3


@pytest.mark.parametrize("kind", ["user", "group"])
async def test_foreign_principals_cannot_be_granted_anything(listed, worlds, kind):
    ours, theirs = worlds
    tried = 0
    for operation in listed:
        if "principal" not in (operation.body_schema or {}).get("properties", {}):
            continue
        told_of = []
        for principal in (theirs.principals[kind], f"{kind}:{new_id()}"):
            body = operation.smallest_body() | {"principal": principal}
            answer = await operation.call(ours.owner.client, ours.ids, body=body)
            assert answer.status_code in (404, 422), f"{operation.id}: {answer.text}"
            told_of.append(told(answer))
        assert told_of[0] == told_of[1], operation.id
        tried += 1
    assert tried >= 1


async def test_nothing_of_theirs_was_changed_by_all_this(listed, worlds):
    """Last on purpose: after every attempt above, the other tenant finds everything in its place."""
    _, theirs = worlds
    for operation in listed:
        names = operation.ids_in("path")
        if operation.method == "GET" and names and all(name in theirs.ids for name in names):
            answer = await operation.call(theirs.owner.client, theirs.ids)
            # An export that isn't done has no file yet.
            assert answer.status_code in (200, 409), f"{operation.path}: {answer.status_code} {answer.text}"
