"""States of conversations over real HTTP: made once, gone on from, carried elsewhere, nobody else's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from secretariat.models.engine.local import EngineOptions, LocalChat
from tests.models.engine.toy import random_network, toy_chat
from tests.models.serving.toy_server import ToyServer, serve_chat

Json = dict[str, Any]
SAID = [
    {"role": "system", "content": "Be brief. " * 4},
    {"role": "user", "content": "hello there, who is it"},
    {"role": "assistant", "content": "me"},
]
NEXT = [{"role": "user", "content": "and then?"}]


def new_server(seed: int = 0, sha256: str = "0" * 64) -> Any:
    chat = toy_chat(random_network(seed))
    identity = replace(chat.identity, weights_sha256=sha256)
    return serve_chat(LocalChat(replace(chat, identity=identity), EngineOptions(contexts=4)))


@pytest.fixture(scope="module")
def server() -> Iterator[ToyServer]:
    with new_server() as server:
        yield server


async def call(
    server: ToyServer, method: str, path: str, body: object = None, tenant: str = "a", **more: Any
) -> httpx.Response:
    headers = server.headers | {"X-Secretariat-Tenant": tenant}
    if body is not None:
        more["json"] = body
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        return await http.request(method, path, headers=headers, **more)


async def made(server: ToyServer, tenant: str = "a") -> Json:
    response = await call(server, "POST", "/v1/snapshots", {"messages": SAID}, tenant)
    assert response.status_code == 201, response.text
    snapshot: Json = response.json()
    return snapshot


async def chat(server: ToyServer, tenant: str = "a", **fields: object) -> httpx.Response:
    body = {"messages": NEXT, "max_tokens": 8, "temperature": 0} | fields
    return await call(server, "POST", "/v1/chat/completions", body, tenant)


def content(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


async def test_going_on_is_saying_it_all(server: ToyServer):
    snapshot = await made(server)
    assert (snapshot["object"], snapshot["model"]) == ("snapshot", "toy")
    assert snapshot["bytes"] > 0
    whole = await chat(server, tenant="b", messages=[*SAID, *NEXT])
    forks = [await chat(server, snapshot=snapshot["id"]) for _ in range(2)]
    assert [content(fork) for fork in forks] == [content(whole)] * 2
    usage = forks[0].json()["usage"]
    assert usage["prompt_tokens"] == whole.json()["usage"]["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= snapshot["tokens"] - 1


async def test_for_other_tenants_it_is_not_there(server: ToyServer):
    name = (await made(server))["id"]
    for response in (
        await chat(server, tenant="b", snapshot=name),
        await call(server, "DELETE", f"/v1/snapshots/{name}", tenant="b"),
        await call(server, "GET", f"/v1/snapshots/{name}/export", tenant="b"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (404, "snapshot_not_found")
    assert (await call(server, "GET", "/v1/snapshots", tenant="b")).json()["data"] == []
    listed = (await call(server, "GET", "/v1/snapshots")).json()["data"]
    assert name in [snapshot["id"] for snapshot in listed]


async def test_deleted_is_gone_and_its_memory_free(server: ToyServer):
    engine = server.models.chat_model.engine
    for snapshot in (await call(server, "GET", "/v1/snapshots")).json()["data"]:
        await call(server, "DELETE", f"/v1/snapshots/{snapshot['id']}")
    name = (await made(server))["id"]
    assert engine.pages_in_use > 0
    assert server.models.chat_model.keeps
    assert (await call(server, "DELETE", f"/v1/snapshots/{name}")).json()["deleted"] is True
    assert engine.pages_in_use == 0
    assert not server.models.chat_model.keeps
    assert (await chat(server, snapshot=name)).status_code == 404
    assert (await call(server, "DELETE", f"/v1/snapshots/{name}")).status_code == 404


async def test_it_travels_to_a_server_of_the_same_model_and_key(server: ToyServer):
    name = (await made(server))["id"]
    parcel = (await call(server, "GET", f"/v1/snapshots/{name}/export")).content
    with new_server() as other:
        taken = await call(other, "POST", "/v1/snapshots/import", content=parcel)
        assert taken.status_code == 201, taken.text
        there = await chat(other, snapshot=taken.json()["id"])
        here = await chat(server, snapshot=name)
        assert content(there) == content(here)
        assert there.json()["usage"]["prompt_tokens_details"]["cached_tokens"] > 40
        for tenant, data in (
            ("b", parcel),
            ("a", parcel[:-1] + b"!"),
            ("a", b"nonsense"),
            ("a", parcel[:30]),
        ):
            refused = await call(other, "POST", "/v1/snapshots/import", content=data, tenant=tenant)
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "snapshot")
    with new_server(sha256="1" * 64) as stranger:
        assert (await call(stranger, "POST", "/v1/snapshots/import", content=parcel)).status_code == 400


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": SAID, "model": "letters"}, 404, "model"),
        ({"messages": SAID, "adapter": "none"}, 404, "adapter"),
        ({"messages": SAID, "tools": []}, 400, "tools"),
        ({"messages": [{"role": "user", "content": "x" * 300}]}, 400, "messages"),
    ],
)
async def test_what_cannot_be_kept_is_said(server: ToyServer, fields: Json, status: int, param: str):
    response = await call(server, "POST", "/v1/snapshots", fields)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
