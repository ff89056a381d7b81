"""Answers from documents over real HTTP: whatever the model writes, a citation holds."""

import contextlib
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    GroundingDocument,
    SamplingParams,
    Sentence,
)
from secretariat.models.engine.events import Emission
from secretariat.models.engine.local import LocalChat
from secretariat.models.remote import RemoteModels
from tests.models.engine.toy import toy_chat
from tests.models.serving.published import conforms
from tests.models.serving.toy_server import TOKEN, ScriptedNetwork, ToyServer, serve_chat

Json = dict[str, Any]
DOCUMENTS = [
    {"id": "a", "text": "Pump 3.5 runs.", "title": "Pumps"},
    {"id": "b", "text": "größe: 4 m"},
]
TEXTS = {document["id"]: document["text"] for document in DOCUMENTS}
# What the model would say: one citation holds, one says what isn't there, one names two documents, one none.
SCRIPT = (
    "Yes, <co: a>Pump 3.5 runs</co: a> and <co: b>größe: 9 km</co: b>; <co: a,b>both</co: a,b>"
    " <co: x>no</co: x>."
)


@pytest.fixture(scope="module")
def server() -> Iterator[ToyServer]:
    chat = replace(toy_chat(ScriptedNetwork(SCRIPT)), context_length=1024)
    with serve_chat(LocalChat(chat)) as server:
        yield server


def _weighed(start: int, end: int, weight: float = 1.0) -> Json:
    return {"start": start, "end": end, "weight": weight}


async def ground(server: ToyServer, **fields: object) -> httpx.Response:
    body = {
        "messages": [{"role": "user", "content": "?"}], "documents": DOCUMENTS,
        "max_tokens": 300, "temperature": 0,
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as http:
        return await http.post("/v1/chat/completions", json=body | fields, headers=server.headers)


def check(content: str, citations: list[Json], *, verbatim: bool) -> None:
    assert "<co:" not in content
    assert "</co:" not in content
    assert citations
    for citation in citations:
        assert content[citation["start"] : citation["end"]] == citation["text"] != ""
        assert citation["document_ids"]
        assert set(citation["document_ids"]) <= TEXTS.keys()
        assert not verbatim or all(citation["text"] in TEXTS[name] for name in citation["document_ids"])


async def test_accurate_citations_are_copied(server: ToyServer):
    for budget in (299, 300, 301):
        reply = (await ground(server, max_tokens=budget)).json()
        message = reply["choices"][0]["message"]
        check(message["content"], message["citations"], verbatim=True)
        assert {"Pump 3.5 runs"} <= {citation["text"] for citation in message["citations"]}


async def test_fast_citations_are_the_models_own_words(server: ToyServer):
    message = (await ground(server, citation_mode="fast")).json()["choices"][0]["message"]
    check(message["content"], message["citations"], verbatim=False)
    said = {(c["text"], tuple(c["document_ids"])) for c in message["citations"]}
    assert ("größe: 9 km", ("b",)) in said
    assert ("both", ("a", "b")) in said


@pytest.mark.parametrize("mode", ["accurate", "fast"])
async def test_a_stream_tells_citations_with_the_text_they_are_of(server: ToyServer, mode: str):
    whole = (await ground(server, citation_mode=mode)).json()["choices"][0]["message"]
    streamed = await ground(server, citation_mode=mode, stream=True)
    text, citations = "", list[Json]()
    for line in streamed.text.splitlines():
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line[6:])
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            if "citations" in choice["delta"]:
                conforms(chunk, "CreateChatCompletionStreamResponse")
            for citation in choice["delta"].get("citations", ()):
                assert text[citation["start"] : citation["end"]] == citation["text"]
                citations.append(citation)
    assert (text, citations) == (whole["content"], whole["citations"])


async def test_documents_come_before_the_question_and_are_cached(server: ToyServer):
    async def cached(question: str) -> int:
        messages = [{"role": "user", "content": question}]
        documents = [{"id": "long", "text": "x" * 400}]
        reply = (await ground(server, documents=documents, messages=messages, max_tokens=1)).json()
        return int(reply["usage"]["prompt_tokens_details"]["cached_tokens"])

    assert await cached("why?") < 100
    assert await cached("how?") > 400


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": [{"id": "a b", "text": "x"}]}, "documents.0.id"),
        ({"documents": [{"id": "a,b", "text": "x"}]}, "documents.0.id"),
        ({"documents": [{"id": "a", "text": "x"}] * 2}, None),
        ({"documents": [{"id": "a"}]}, "documents.0.text"),
        (
            {"documents": [{"id": "a", "text": "x y", "sentences": [_weighed(0, 2), _weighed(1, 3)]}]},
            "documents.0.sentences",
        ),
        ({"documents": [{"id": "a", "text": "x y", "sentences": [_weighed(1, 1)]}]}, "documents.0.sentences"),
        ({"documents": [], "citation_mode": "fast"}, None),
        ({"citation_mode": "vague"}, "citation_mode"),
        ({"response_format": {"type": "json_object"}}, None),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
    ],
)
async def test_what_makes_no_sense_is_refused(server: ToyServer, fields: Json, param: str | None):
    response = await ground(server, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


async def test_weights_reach_the_model_as_they_were_given(server: ToyServer, monkeypatch: pytest.MonkeyPatch):
    document = GroundingDocument("a", "Pump 3.5 runs.", "Pumps", -1.5, (Sentence(0, 14, 2.25),))
    request = ChatRequest(
        (ChatMessage("user", "?"),), sampling=SamplingParams(max_tokens=9), documents=(document,)
    )
    given = list[ChatRequest]()
    emissions = server.models.chat_model.emissions

    def noted(request: ChatRequest, call: CallContext) -> AsyncGenerator[Emission, None]:
        given.append(request)
        return emissions(request, call)

    monkeypatch.setattr(server.models.chat_model, "emissions", noted)
    async with contextlib.aclosing(RemoteModels(server.url, TOKEN)) as remote:
        await remote.chat(request, CallContext("tests", "r"))
    assert [each.documents for each in given] == [(document,)]


async def test_the_client_brings_citations_back(server: ToyServer):
    documents = tuple(
        GroundingDocument(document["id"], document["text"], document.get("title", ""))
        for document in DOCUMENTS
    )
    request = ChatRequest(
        (ChatMessage("user", "?"),), sampling=SamplingParams(max_tokens=200), documents=documents
    )
    call = CallContext("tests", "r")
    async with contextlib.aclosing(RemoteModels(server.url, TOKEN)) as remote:
        whole = await remote.chat(request, call)
        events = [event async for event in remote.stream(request, call)]
    here = await server.models.chat_model.chat(request, call)
    assert whole.citations == here.citations != ()
    assert tuple(c for event in events for c in event.citations) == whole.citations
    assert "".join(event.text for event in events) == whole.text
