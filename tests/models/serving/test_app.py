"""The server's behaviour over real HTTP, with a toy model behind it."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from tests.models.serving.toy_server import STEP_SECONDS, ToyServer

Json = dict[str, Any]
USER = [{"role": "user", "content": "hello there"}]


async def post(server: ToyServer, path: str, body: object, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        return await http.post(path, json=body, headers=server.headers | headers)


async def chat(server: ToyServer, **fields: object) -> httpx.Response:
    body = {"messages": USER, "max_tokens": 4, "temperature": 0} | fields
    return await post(server, "/v1/chat/completions", body)


async def until_idle(server: ToyServer, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not server.models.chat_model.engine.idle:
        assert time.monotonic() < end, "still busy"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("authorization", [None, "", "Bearer wrong", "Basic x", "Bearer é"])
async def test_without_the_token_nothing_is_said(toy_server: ToyServer, authorization: str | None):
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    async with httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http:
        for path in ("/v1/models", "/v1/chat/completions", "/nowhere"):
            response = await http.get(path, headers=headers)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"
        assert (await http.get("/healthz")).json() == {"status": "ok"}


async def test_a_completion_has_openais_shape(toy_server: ToyServer):
    response = await chat(toy_server, logprobs=True, top_logprobs=2, model="toy")
    body = response.json()
    assert response.status_code == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "toy"
    assert body["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["role"] == "assistant"
    entries = choice["logprobs"]["content"]
    assert [len(entry["top_logprobs"]) for entry in entries] == [2] * 4
    assert all(entry["top_logprobs"][0]["logprob"] == entry["logprob"] < 0 for entry in entries)
    spelled = b"".join(bytes(entry["bytes"]) for entry in entries).decode(errors="replace")
    assert spelled == choice["message"]["content"]
    assert body["secretariat"]["weights_sha256"] == "0" * 64


async def test_a_stream_says_the_same_as_a_whole_answer(toy_server: ToyServer):
    whole = (await chat(toy_server, max_tokens=12)).json()
    streamed = await chat(toy_server, max_tokens=12, stream=True, stream_options={"include_usage": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *events, done = [line.removeprefix("data: ") for line in streamed.text.split("\n\n") if line]
    assert done == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[0]["secretariat"] == chunks[-2]["secretariat"] == whole["secretariat"]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 12)


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"model": "gpt-x"}, 404, "model_not_found", "model"),
        ({"tools": []}, 400, "invalid_request", "tools"),
        ({"n": 2}, 400, "invalid_request", "n"),
        ({"audio": {"voice": "x"}}, 400, "invalid_request", "audio"),
        ({"messages": []}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "invalid_request", "messages.0.role"),
        ({"temperature": 9}, 400, "invalid_request", "temperature"),
        ({"max_tokens": 0}, 400, "invalid_request", "max_tokens"),
        ({"max_tokens": 300}, 400, "context_length_exceeded", "messages"),
        ({"top_logprobs": 2}, 400, "invalid_request", None),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "nonsense"}},
                }
            },
            400,
            "invalid_schema",
            "response_format",
        ),
    ],
)
@pytest.mark.parametrize("mode", ["whole", "stream"])
async def test_what_is_wrong_is_said_in_openais_envelope(
    toy_server: ToyServer, mode: str, fields: Json, status: int, code: str, param: str | None
):
    response = await chat(toy_server, stream=mode == "stream", **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


async def test_a_context_that_is_too_long_names_both_numbers(toy_server: ToyServer):
    message = (await chat(toy_server, max_tokens=250)).json()["error"]["message"]
    assert " 9 " in message
    assert "250" in message
    assert "256" in message


async def test_a_null_field_is_an_absent_one(toy_server: ToyServer):
    response = await chat(toy_server, tools=None, stop=None, user="u", n=1, presence_penalty=0)
    assert response.status_code == 200


async def test_content_may_come_in_parts_and_developers_are_system(toy_server: ToyServer):
    parts = [{"type": "text", "text": "hello "}, {"type": "text", "text": "there"}]
    messages = [{"role": "developer", "content": parts}]
    assert (await chat(toy_server, messages=messages)).json()["usage"]["prompt_tokens"] == 9


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe"])
async def test_a_body_that_is_no_request_is_refused(toy_server: ToyServer, body: bytes):
    async with httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http:
        response = await http.post("/v1/chat/completions", content=body, headers=toy_server.headers)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_body_over_the_limit_is_refused(toy_server: ToyServer):
    response = await post(toy_server, "/v1/tokenize", {"texts": ["x" * (4 * 2**20)]})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


async def test_unknown_routes_and_methods_have_the_envelope(toy_server: ToyServer):
    assert (await post(toy_server, "/v1/images", {})).json()["error"]["message"] == "Not Found"
    async with httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http:
        response = await http.get("/v1/embeddings", headers=toy_server.headers)
    assert (response.status_code, response.json()["error"]["code"]) == (405, None)


async def test_a_passed_deadline_is_504(toy_server: ToyServer):
    body = {"messages": USER, "max_tokens": 200, "temperature": 0}
    headers = {"X-Secretariat-Deadline-Ms": "1"}
    response = await post(toy_server, "/v1/chat/completions", body, **headers)
    assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline_exceeded")
    await until_idle(toy_server, 1)


async def test_a_deadline_that_is_no_number_is_refused(toy_server: ToyServer):
    headers = {"X-Secretariat-Deadline-Ms": "soon"}
    assert (await post(toy_server, "/v1/tokenize", {"texts": []}, **headers)).status_code == 400


async def test_a_client_that_leaves_a_stream_cancels_it(toy_server: ToyServer):
    body = {"messages": USER, "max_tokens": 200, "stream": True, "temperature": 0}
    async with (
        httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http,
        http.stream("POST", "/v1/chat/completions", json=body, headers=toy_server.headers) as response,
    ):
        await anext(response.aiter_lines())
        assert not toy_server.models.chat_model.engine.idle
    await until_idle(toy_server, 20 * STEP_SECONDS)
    toy_server.models.chat_model.engine.check_integrity()
    assert toy_server.models.chat_model.engine.pages_in_use == 0


async def test_a_client_that_leaves_while_it_waits_cancels_too(toy_server: ToyServer):
    async with httpx.AsyncClient(base_url=toy_server.url, trust_env=False) as http:
        body = {"messages": USER, "max_tokens": 200, "temperature": 0}
        asking = asyncio.create_task(http.post("/v1/chat/completions", json=body, headers=toy_server.headers))
        await asyncio.sleep(5 * STEP_SECONDS)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await until_idle(toy_server, 20 * STEP_SECONDS)


async def test_more_than_can_wait_is_429_with_retry_after(toy_server: ToyServer):
    answers = await asyncio.gather(*(chat(toy_server, max_tokens=30) for _ in range(16)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "overloaded"


async def test_another_tenants_identical_prompt_is_not_cached(toy_server: ToyServer):
    body = {"messages": [{"role": "user", "content": "x" * 100}], "max_tokens": 1, "temperature": 0}

    async def cached(**headers: str) -> int:
        reply = (await post(toy_server, "/v1/chat/completions", body, **headers)).json()
        return int(reply["usage"]["prompt_tokens_details"]["cached_tokens"])

    assert [await cached(), await cached()] == [0, 96]
    assert await cached(**{"X-Secretariat-Tenant": "other"}) == 0
    assert await cached(**{"X-Secretariat-Tenant": ""}) == 0
    assert await cached(**{"X-Secretariat-Tenant": ""}) == 0


async def test_our_response_formats(toy_server: ToyServer):
    choice = {"type": "choice", "choice": {"choices": ["yes", "no"]}}
    text = (await chat(toy_server, response_format=choice)).json()["choices"][0]["message"]["content"]
    assert text in {"yes", "no"}
    span = {"type": "verbatim_span", "verbatim_span": {"texts": ["alpha beta"], "otherwise": "-"}}
    answer = (await chat(toy_server, response_format=span, max_tokens=20)).json()["choices"][0]
    assert answer["message"]["content"] in {"alpha", "beta", "alpha beta", "-"}
    assert answer["finish_reason"] == "stop"


async def test_embeddings_and_tokenize(toy_server: ToyServer):
    reply = (await post(toy_server, "/v1/embeddings", {"input": ["aab", "h"]})).json()
    assert [item["index"] for item in reply["data"]] == [0, 1]
    assert sum(x * x for x in reply["data"][0]["embedding"]) == pytest.approx(1, abs=1e-5)
    assert reply["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    bad: tuple[Json, ...] = ({"input": []}, {"input": "a", "dimensions": 3}, {"input": [[1, 2]]})
    for refused in bad:
        assert (await post(toy_server, "/v1/embeddings", refused)).status_code == 400
    unknown = await post(toy_server, "/v1/embeddings", {"input": "a", "model": "toy"})
    assert unknown.status_code == 404
    counts = (await post(toy_server, "/v1/tokenize", {"texts": ["abc", "", " the"]})).json()
    assert counts == {"counts": [3, 0, 1]}


@pytest.mark.parametrize("module", ["secretariat.models.serving.__main__", "secretariat.models.remote"])
def test_listening_and_calling_load_no_torch(module: str):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
