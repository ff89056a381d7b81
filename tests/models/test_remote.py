"""RemoteModels against a real server on loopback, and what it makes of one that misbehaves."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from secretariat.models.client import ChatModel, Embedder, ModelCatalogue
from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ChoiceConstraint,
    JsonSchemaConstraint,
    SamplingParams,
    VerbatimSpanConstraint,
)
from secretariat.models.errors import ModelError
from secretariat.models.remote import RemoteModels
from tests.models.serving.ports import free_port
from tests.models.serving.server import ModelServer
from tests.models.serving.toy_server import STEP_SECONDS, TOKEN, ToyServer

CALL = CallContext("tests", "request-1", 60.0)
HELLO = (ChatMessage("user", "hello there"),)
GREEDY = SamplingParams(max_tokens=6, top_logprobs=0)


@pytest.fixture
async def remote(toy_server: ToyServer) -> AsyncIterator[RemoteModels]:
    async with contextlib.aclosing(RemoteModels(toy_server.url, TOKEN)) as models:
        yield models


async def test_it_stands_for_all_three_protocols(remote: RemoteModels):
    seams: tuple[ChatModel, Embedder, ModelCatalogue] = (remote, remote, remote)
    assert all(seams)


async def test_it_answers_as_the_model_in_process_does(remote: RemoteModels, toy_server: ToyServer):
    request = ChatRequest(HELLO, sampling=GREEDY)
    there = await remote.chat(request, CALL)
    here = await toy_server.models.chat_model.chat(request, CALL)
    assert (there.text, there.finish_reason, there.model) == (here.text, here.finish_reason, here.model)
    assert there.usage.total_tokens == here.usage.total_tokens
    assert there.mean_logprob == pytest.approx(here.mean_logprob, abs=1e-5)
    assert len(there.logprobs) == 6


async def test_a_stream_adds_up_to_the_answer(remote: RemoteModels):
    request = ChatRequest(HELLO, sampling=SamplingParams(max_tokens=20, top_logprobs=0))
    events = [event async for event in remote.stream(request, CALL)]
    whole = await remote.chat(request, CALL)
    assert "".join(event.text for event in events) == whole.text
    assert sum((event.logprobs for event in events), ()) == whole.logprobs
    assert [event.finish_reason for event in events[:-1]] == [None] * (len(events) - 1)
    last = events[-1]
    assert (last.finish_reason, last.model) == ("length", whole.model)
    assert last.usage is not None
    assert last.usage.completion_tokens == 20


@pytest.mark.parametrize(
    ("constraint", "allowed"),
    [
        (ChoiceConstraint(("yes", "no")), {"yes", "no"}),
        (VerbatimSpanConstraint(("alpha beta",), "none"), {"alpha", "beta", "alpha beta", "none"}),
        (VerbatimSpanConstraint(("alpha",), None), {"alpha"}),
        (JsonSchemaConstraint('{"enum": [1, 22]}'), {"1", "22"}),
    ],
)
async def test_constraints_travel(remote: RemoteModels, constraint, allowed: set[str]):
    request = ChatRequest(HELLO, sampling=SamplingParams(max_tokens=20), constraint=constraint)
    assert (await remote.chat(request, CALL)).text in allowed


async def test_vectors_arrive_bit_for_bit(remote: RemoteModels, toy_server: ToyServer):
    texts = ["abc", "hhhh", "é"]
    there, here = await remote.embed(texts, CALL), await toy_server.models.embedder.embed(texts, CALL)
    assert list(there.vectors) == list(here.vectors)
    assert there.dim == 8
    assert np.frombuffer(there.vectors[0], "<f4") @ np.frombuffer(there.vectors[0], "<f4") == pytest.approx(1)


async def test_counts(remote: RemoteModels):
    assert await remote.count_tokens(["abc", "", " the"], CALL) == [3, 0, 1]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ChatRequest(HELLO, model="other"), "model_not_found"),
        (ChatRequest(HELLO, sampling=SamplingParams(max_tokens=999)), "context_length_exceeded"),
        (ChatRequest(HELLO, constraint=JsonSchemaConstraint("{")), "invalid_schema"),
        (
            ChatRequest(HELLO, sampling=GREEDY, constraint=JsonSchemaConstraint('{"type": "x"}')),
            "invalid_schema",
        ),
        (ChatRequest((), sampling=GREEDY), "invalid_request"),
    ],
)
async def test_errors_keep_their_code(remote: RemoteModels, request_: ChatRequest, code: str):
    with pytest.raises(ModelError) as caught:
        await remote.chat(request_, CALL)
    assert (caught.value.code, caught.value.retryable) == (code, False)
    with pytest.raises(ModelError) as caught:
        await anext(remote.stream(request_, CALL))
    assert caught.value.code == code


async def test_the_deadline_travels(remote: RemoteModels):
    request = ChatRequest(HELLO, sampling=SamplingParams(max_tokens=200))
    began = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await remote.chat(request, CallContext("tests", "r", 0.1))
    assert (caught.value.code, caught.value.retryable) == ("deadline_exceeded", True)
    assert time.monotonic() - began < 1.5
    with pytest.raises(ModelError) as caught:
        async for _ in remote.stream(request, CallContext("tests", "r", 0.2)):
            pass
    assert caught.value.code == "deadline_exceeded"


async def test_closing_a_stream_cancels_it(remote: RemoteModels, toy_server: ToyServer):
    stream = remote.stream(ChatRequest(HELLO, sampling=SamplingParams(max_tokens=200)), CALL)
    await anext(stream)
    await stream.aclose()
    until = time.monotonic() + 20 * STEP_SECONDS
    while not toy_server.models.chat_model.engine.idle:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_overload_is_retryable(remote: RemoteModels):
    request = ChatRequest(HELLO, sampling=SamplingParams(max_tokens=30))
    results = await asyncio.gather(*(remote.chat(request, CALL) for _ in range(16)), return_exceptions=True)
    errors = {(e.code, e.retryable) for e in results if isinstance(e, ModelError)}
    assert errors == {("overloaded", True)}


async def test_a_wrong_token_is_not_the_callers_fault(toy_server: ToyServer):
    async with contextlib.aclosing(RemoteModels(toy_server.url, "wrong")) as models:
        with pytest.raises(ModelError) as caught:
            await models.count_tokens(["x"], CALL)
    assert caught.value.code == "unreachable"


async def test_nobody_listening_is_unreachable_and_retryable():
    async with contextlib.aclosing(RemoteModels(f"http://127.0.0.1:{free_port()}", TOKEN)) as models:
        for attempt in (
            models.chat(ChatRequest(HELLO), CALL),
            models.embed(["x"], CALL),
            models.models(),
            anext(models.stream(ChatRequest(HELLO), CALL)),
        ):
            with pytest.raises(ModelError) as caught:
                await attempt
            assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


@pytest.fixture
async def misbehaving(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A server that answers every request with the bytes of the parameter and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(request.param)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _reply(status: str, body: bytes, kind: str = "application/json") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(), kind.encode(), len(body), body,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("misbehaving", "code"),
    [
        (b"", "unreachable"),
        (b"nonsense\r\n\r\n", "unreachable"),
        (_reply("200 OK", b"{}"), "engine_failed"),
        (_reply("200 OK", b"<html>"), "engine_failed"),
        (_reply("502 Bad Gateway", b"<html>"), "unreachable"),
        (_reply("500 Error", b'{"error": {"code": "new", "message": "m"}}'), "engine_failed"),
        (_reply("429 Slow", b""), "overloaded"),
    ],
    indirect=["misbehaving"],
)
async def test_a_server_that_misbehaves(misbehaving: str, code: str):
    async with contextlib.aclosing(RemoteModels(misbehaving, TOKEN)) as models:
        with pytest.raises(ModelError) as caught:
            await models.chat(ChatRequest(HELLO), CALL)
        assert caught.value.code == code
        with pytest.raises(ModelError):
            async for _ in models.stream(ChatRequest(HELLO), CALL):
                pass


@pytest.mark.weights
async def test_the_real_thing(model_server: ModelServer):
    async with contextlib.aclosing(RemoteModels(model_server.url, model_server.token)) as models:
        cards = {card.kind: card for card in await models.models()}
        assert (cards["chat"].context_length, cards["embedding"].dim) == (8192, 384)
        question = (ChatMessage("user", "Name the capital of France."),)
        answer = await models.chat(ChatRequest(question, sampling=SamplingParams(max_tokens=12)), CALL)
        assert "Paris" in answer.text
        assert answer.model.weights_sha256 == cards["chat"].weights_sha256
        embedded = await models.embed([f"text {i}" for i in range(40)], CALL)
        assert {len(vector) for vector in embedded.vectors} == {4 * 384}
