"""OpenAI's dialect in and out, evidence on both sides, and nothing of the caller's that could pass for ours."""

import asyncio
import dataclasses
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from secretariat.models.remote import RemoteModels
from secretariat.platform.app import create_app
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from tests.support.factories import Person, make_person
from tests.support.model_server_double import CHAT, ModelServerDouble, listening

BODY: dict[str, Any] = {"model": CHAT, "messages": [{"role": "user", "content": "Sesame, please open"}]}
COMPLETIONS = "/v1/chat/completions"


async def records(services: Services, person: Person) -> list[AuditRecord]:
    async with services.database.tenant(person.tenant.id) as session:
        kinds = ("PROMPT", "OUTPUT")
        query = select(AuditRecord).where(AuditRecord.event_type.in_(kinds)).order_by(AuditRecord.id)
        return list(await session.scalars(query))


async def words(services: Services, person: Person, record: AuditRecord) -> Any:
    (content,) = record.content
    async with services.database.tenant(person.tenant.id) as session:
        return await services.contents.json(session, UUID(content["ref"]))


def chunks_in(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_a_completion_is_forwarded_and_recorded(
    services: Services, owner: Person, model_server: ModelServerDouble
) -> None:
    answer = await owner.client.post(
        COMPLETIONS,
        json=BODY | {"temperature": 0.5},
        headers={
            "X-Secretariat-Tenant": "someone-else",
            "X-Secretariat-Deadline-Ms": "1",
            "X-Request-Id": "my-request-id",
        },
    )
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "You said: Sesame, please open"
    (sent,) = model_server.headers
    assert sent["x-secretariat-tenant"] == str(owner.tenant.id)
    assert sent["x-request-id"] == "my-request-id"
    assert sent["authorization"] == "Bearer test-service-token"
    assert "x-secretariat-deadline-ms" not in sent
    assert not {"cookie", "x-csrf-token"} & set(sent)

    prompt, output = await records(services, owner)
    assert (prompt.event_type, output.event_type) == ("PROMPT", "OUTPUT")
    assert prompt.details["call"] == output.details["call"]
    assert await words(services, owner, prompt) == BODY | {"temperature": 0.5}
    assert await words(services, owner, output) == {"text": "You said: Sesame, please open"}
    assert output.details["model"]["weights_sha256"] == "0" * 64
    assert output.details["usage"]["completion_tokens"] == 5
    assert "Sesame" not in json.dumps([prompt.details, output.details])


@pytest.mark.parametrize("asked", [False, True])
async def test_a_stream_is_passed_on_and_recorded_at_its_end(
    services: Services, owner: Person, model_server: ModelServerDouble, *, asked: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    answer = await owner.client.post(COMPLETIONS, json=BODY | {"stream": True} | options)
    assert answer.headers["content-type"].startswith("text/event-stream")
    chunks = chunks_in(answer.text)
    text = "".join(c["delta"].get("content", "") for chunk in chunks for c in chunk["choices"])
    assert text == "You said: Sesame, please open"
    assert [chunk for chunk in chunks if not chunk["choices"]] == ([chunks[-1]] if asked else [])
    _, output = await records(services, owner)
    assert await words(services, owner, output) == {"text": text}
    assert (output.outcome, output.details["finish_reason"]) == ("success", "stop")
    assert output.details["usage"]["completion_tokens"] == 5


async def test_who_hangs_up_has_what_was_said_recorded(
    app: FastAPI, services: Services, owner: Person, model_server: ModelServerDouble
) -> None:
    model_server.release.clear()
    aborted = model_server.aborted
    cookie = "; ".join(f"{c.name}={c.value}" for c in owner.client.cookies.jar)
    headers = {"cookie": cookie, "x-csrf-token": owner.client.headers["x-csrf-token"]}
    async with listening(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        async with client.stream(
            "POST", COMPLETIONS, json=BODY | {"stream": True}, headers=headers
        ) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    break
        async with asyncio.timeout(10):
            while len(await records(services, owner)) < 2 or model_server.aborted == aborted:
                await asyncio.sleep(0.05)
    _, output = await records(services, owner)
    assert await words(services, owner, output) == {"text": "You "}
    assert (output.outcome, output.details["failure"]) == ("failure", "broken_off")


async def test_a_model_server_that_breaks_off_is_told_and_recorded(
    services: Services, owner: Person, model_server: ModelServerDouble
) -> None:
    model_server.breaks = True
    answer = await owner.client.post(COMPLETIONS, json=BODY | {"stream": True})
    *chunks, broken = chunks_in(answer.text)
    assert "".join(c["delta"]["content"] for chunk in chunks for c in chunk["choices"]) == "You "
    assert broken["error"]["code"] == "upstream_broke"
    _, output = await records(services, owner)
    assert (output.outcome, output.details["failure"]) == ("failure", "broken_off")
    assert await words(services, owner, output) == {"text": "You "}


async def test_embeddings_are_forwarded_and_recorded(
    services: Services, owner: Person, model_server: ModelServerDouble
) -> None:
    answer = await owner.client.post("/v1/embeddings", json={"model": "x", "input": ["a", "b"]})
    assert len(answer.json()["data"]) == 2
    prompt, output = await records(services, owner)
    assert (await words(services, owner, prompt))["input"] == ["a", "b"]
    assert (output.content, output.details["vectors"]) == ([], 2)


async def test_the_models_are_listed(owner: Person, model_server: ModelServerDouble) -> None:
    answer = await owner.client.get("/v1/models")
    assert [item["id"] for item in answer.json()["data"]] == [CHAT]
    assert answer.json()["data"][0]["secretariat"]["kind"] == "chat"


def assert_openai_error(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == kind
    return dict(error)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_not_found(
    services: Services, owner: Person, model_server: ModelServerDouble, *, stream: bool
) -> None:
    answer = await owner.client.post(COMPLETIONS, json=BODY | {"model": "gpt-9", "stream": stream})
    error = assert_openai_error(answer, 404, "invalid_request_error")
    assert error["code"] == "model_not_found"
    _, output = await records(services, owner)
    assert (output.outcome, output.details["failure"]) == ("failure", "model_not_found")


async def test_refusals_are_in_openais_envelope(
    app: FastAPI,
    services: Services,
    owner: Person,
    anonymous: httpx.AsyncClient,
    model_server: ModelServerDouble,
) -> None:
    auditor = await make_person(app, services, owner.tenant, "auditor")
    for method, path in (("POST", COMPLETIONS), ("POST", "/v1/embeddings"), ("GET", "/v1/models")):
        body = BODY if method == "POST" else None
        unknown = await anonymous.request(method, path, json=body)
        assert_openai_error(unknown, 401, "authentication_error")
        assert "WWW-Authenticate" in unknown.headers
        key = await anonymous.request(
            method, path, headers={"authorization": "Bearer sk_nonsense"}, json=body
        )
        assert_openai_error(key, 401, "authentication_error")
        assert_openai_error(await auditor.client.request(method, path, json=body), 403, "permission_error")
    wrong = assert_openai_error(
        await owner.client.post(COMPLETIONS, json={"model": CHAT, "messages": []}),
        422,
        "invalid_request_error",
    )
    assert wrong["param"] == "messages"
    broken = await owner.client.post(COMPLETIONS, content=b"{", headers={"content-type": "application/json"})
    assert_openai_error(broken, 422, "invalid_request_error")
    assert model_server.headers == []
    assert await records(services, owner) == []


@pytest.mark.parametrize(
    "content",
    [
        '{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}',
        '{"model": "m", "messages": [{"role": "\\udfff", "content": "x"}], "stream": true}',
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "seed": 18446744073709551616}',
        '{"model": "m\\u0000", "messages": [{"role": "user", "content": "x"}]}',
        '{"model": "m", "messages": [{"role": "user", "content": ' + "[" * 300 + "]" * 300 + "}]}",
        '{"model": "m\\u0000", "input": "x"}',
        '{"model": "m", "input": "x", "dimensions": -9223372036854775809}',
    ],
    ids=["surrogate", "streamed", "large", "NUL", "deep", "embeddings NUL", "embeddings large"],
)
async def test_what_json_cannot_carry_is_the_senders_fault(
    services: Services, owner: Person, model_server: ModelServerDouble, content: str
) -> None:
    path = "/v1/embeddings" if "input" in content else COMPLETIONS
    answer = await owner.client.post(path, content=content, headers={"content-type": "application/json"})
    assert_openai_error(answer, 400, "invalid_request_error")
    assert model_server.headers == []
    assert await records(services, owner) == []


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_model_server_it_is_unavailable_and_on_record(
    services: Services, owner: Person, *, stream: bool
) -> None:
    lonely = dataclasses.replace(services, models=RemoteModels("http://127.0.0.1:9", "token"))
    transport = httpx.ASGITransport(app=create_app(lonely), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url=str(owner.client.base_url),
        cookies=owner.client.cookies,
        headers={"x-csrf-token": owner.client.headers["x-csrf-token"]},
    ) as client:
        answer = await client.post(COMPLETIONS, json=BODY | {"stream": stream})
    await lonely.models.aclose()
    assert_openai_error(answer, 503, "overloaded_error")
    assert answer.headers["retry-after"]
    prompt, output = await records(services, owner)
    assert (prompt.outcome, output.outcome, output.details["failure"]) == (
        "success",
        "failure",
        "unreachable",
    )
