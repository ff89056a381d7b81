"""From the record of a call its answer can be drawn again: prompt, seed, citations, and what exactly computed it.

The engine is the real one over a tiny network, behind the model server's own wire.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from secretariat.models.engine.local import LocalChat
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.remote import RemoteModels
from secretariat.platform.app import create_app
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from tests.models.engine.toy import random_decoder, toy_chat
from tests.models.serving.toy_server import TOKEN, ScriptedNetwork, ToyServer, UnhurriedNetwork, serve_chat
from tests.platform.gateway.test_gateway import COMPLETIONS, chunks_in, records, words
from tests.support.factories import Person
from tests.support.model_server_double import listening

BODY: dict[str, Any] = {
    "model": "toy",
    "messages": [{"role": "user", "content": "Once upon a time"}],
    "max_tokens": 24,
}
DOCUMENTS = [{"id": "a", "text": "Pump 3.5 runs."}]
SCRIPT = "Yes, <co: a>Pump 3.5 runs</co: a> now."


@pytest.fixture(scope="module")
def engine() -> Iterator[ToyServer]:
    with serve_chat(LocalChat(toy_chat(TorchNetwork(random_decoder())))) as server:
        yield server


@pytest.fixture(scope="module")
def citing() -> Iterator[ToyServer]:
    chat = dataclasses.replace(toy_chat(ScriptedNetwork(SCRIPT)), context_length=1024)
    with serve_chat(LocalChat(chat)) as server:
        yield server


@pytest_asyncio.fixture
async def ask(services: Services, owner: Person) -> AsyncIterator[Any]:
    """Asks the gateway in front of that server."""
    opened: list[RemoteModels] = []

    async def asked(server: ToyServer, body: dict[str, Any]) -> httpx.Response:
        models = RemoteModels(server.url, TOKEN)
        opened.append(models)
        app: FastAPI = create_app(dataclasses.replace(services, models=models))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url=str(owner.client.base_url),
            cookies=owner.client.cookies,
            headers={"x-csrf-token": owner.client.headers["x-csrf-token"]},
        ) as client:
            return await client.post(COMPLETIONS, json=body)

    yield asked
    for models in opened:
        await models.aclose()


async def rerun(server: ToyServer, body: dict[str, Any]) -> str:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as client:
        answer = await client.post(COMPLETIONS, json=body, headers=server.headers)
    return str(answer.json()["choices"][0]["message"]["content"])


def seed_in(prompt: AuditRecord) -> dict[str, Any]:
    drawn = prompt.details.get("drawn_seed")
    return {} if drawn is None else {"seed": drawn}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("given", [{}, {"seed": None}, {"seed": 2**63 + 1}], ids=["none", "null", "large"])
async def test_a_sampled_answer_can_be_drawn_again_from_its_record(
    services: Services, owner: Person, engine: ToyServer, ask: Any, given: dict[str, Any], *, stream: bool
) -> None:
    answer = await ask(engine, BODY | given | {"stream": stream})
    assert answer.status_code == 200, answer.text
    prompt, output = await records(services, owner)
    recorded = (await words(services, owner, output))["text"]
    assert recorded
    asked = await words(services, owner, prompt)
    assert asked == BODY | given | {"stream": stream}
    assert ("drawn_seed" in prompt.details) == (given.get("seed") is None)
    again = {key: value for key, value in asked.items() if key != "stream"} | seed_in(prompt)
    assert await rerun(engine, again) == recorded
    assert await rerun(engine, again | {"seed": 4}) != recorded


async def test_two_calls_without_a_seed_draw_two(
    services: Services, owner: Person, engine: ToyServer, ask: Any
) -> None:
    for _ in range(2):
        await ask(engine, BODY)
    seeds = {
        record.details["drawn_seed"]
        for record in await records(services, owner)
        if record.event_type == "PROMPT"
    }
    assert len(seeds) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_the_record_says_what_computed_the_answer(
    services: Services, owner: Person, engine: ToyServer, ask: Any, *, stream: bool
) -> None:
    await ask(engine, BODY | {"stream": stream})
    _, output = await records(services, owner)
    identity = engine.models.chat_model.identity
    assert output.details["model"] == dataclasses.asdict(identity)
    assert "torch/" in identity.engine
    assert "kv/bfloat16" in identity.engine


async def test_a_reader_who_left_early_does_not_keep_the_record_from_saying_what_answered(
    services: Services, owner: Person
) -> None:
    with serve_chat(LocalChat(toy_chat(UnhurriedNetwork(random_decoder())))) as slow:
        models = RemoteModels(slow.url, TOKEN)
        app = create_app(dataclasses.replace(services, models=models))
        cookie = "; ".join(f"{c.name}={c.value}" for c in owner.client.cookies.jar)
        headers = {"cookie": cookie, "x-csrf-token": owner.client.headers["x-csrf-token"]}
        body = BODY | {"stream": True, "max_tokens": 200, "ignore_eos": True}
        async with listening(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
            async with client.stream("POST", COMPLETIONS, json=body, headers=headers) as answer:
                await anext(answer.aiter_lines())
            async with asyncio.timeout(20):
                while len(await records(services, owner)) < 2:
                    await asyncio.sleep(0.05)
        await models.aclose()
    _, output = await records(services, owner)
    assert (output.outcome, output.details["failure"]) == ("failure", "broken_off")
    assert output.details["model"] == dataclasses.asdict(slow.models.chat_model.identity)


@pytest.mark.parametrize("stream", [False, True])
async def test_citations_are_kept_with_the_text_they_are_of(
    services: Services, owner: Person, citing: ToyServer, ask: Any, *, stream: bool
) -> None:
    body = BODY | {"documents": DOCUMENTS, "temperature": 0, "max_tokens": 200, "stream": stream}
    answer = await ask(citing, body)
    if stream:
        deltas = [choice["delta"] for chunk in chunks_in(answer.text) for choice in chunk["choices"]]
        shown = [citation for delta in deltas for citation in delta.get("citations", ())]
    else:
        shown = answer.json()["choices"][0]["message"]["citations"]
    _, output = await records(services, owner)
    kept = await words(services, owner, output)
    assert kept["citations"] == shown != []
    for citation in shown:
        assert kept["text"][citation["start"] : citation["end"]] == citation["text"]
        assert citation["document_ids"] == ["a"]
    assert "Pump" not in str(output.details)
