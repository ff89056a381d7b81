"""How the service refuses: always a problem document, never anything of its inside."""

import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from secretariat.platform.app import create_app
from secretariat.platform.db.session import Database
from secretariat.platform.identity.callers import AnyCaller, TenantSessionDep
from secretariat.platform.web.errors import ConflictError
from secretariat.platform.web.routing import api_router
from tests.support.app import make_services
from tests.support.factories import browser, make_person, sign_in

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def faulty(services) -> FastAPI:
    """The real application with routes of its own that go wrong."""
    router = api_router("faults", "/api/v1/faults")

    @router.get("/crash")
    async def crash(_caller: AnyCaller) -> None:
        raise RuntimeError("the secret is hunter2")

    @router.get("/conflict")
    async def conflict(_caller: AnyCaller) -> None:
        raise ConflictError("Taken.")

    @router.post("/late")
    async def late(_caller: AnyCaller, session: TenantSessionDep) -> dict[str, str]:
        """Succeeds until the commit."""
        await session.execute(
            text("INSERT INTO groups (tenant_id, id, name) VALUES (:t, gen_random_uuid(), 'committed?')"),
            {"t": session.tenant_id},
        )
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return {"said": "it is done"}

    made = create_app(services)
    made.include_router(router)
    return made


async def test_a_crash_tells_nothing_but_the_request_id(faulty, services, owner, capfd):
    client = await sign_in(faulty, services, owner.user)
    answer = await client.get("/api/v1/faults/crash", headers={"X-Request-Id": "my-request-0001"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "my-request-0001"
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    logged = capfd.readouterr().err
    assert "RuntimeError" in logged
    assert "my-request-0001" in logged
    assert "hunter2" not in logged
    await client.aclose()


async def test_a_problem_has_the_members_of_rfc_9457(faulty, services, owner):
    client = await sign_in(faulty, services, owner.user)
    answer = await client.get("/api/v1/faults/conflict")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem | {"request_id": ""} == {
        "type": "about:blank",
        "title": "In conflict",
        "status": 409,
        "detail": "Taken.",
        "instance": "/api/v1/faults/conflict",
        "code": "CONFLICT",
        "request_id": "",
        "errors": [],
    }
    await client.aclose()


async def test_nothing_is_acknowledged_that_is_not_committed(faulty, services, owner):
    """The answer waits for the commit: when that fails, the caller hears 503, not success."""
    client = await sign_in(faulty, services, owner.user)
    answer = await client.post("/api/v1/faults/late")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "it is done" not in answer.text
    groups = (await client.get("/api/v1/groups")).json()["data"]
    assert groups == []
    await client.aclose()


async def test_without_a_database_there_is_a_503_and_liveness_stays():
    unreachable = Database("postgresql+psycopg://secretariat_app@/none?host=/nonexistent-socket")
    app = create_app(make_services(unreachable))
    async with browser(app) as client:
        cookie = {"cookie": f"secretariat_session={'0' * 32}.{'0' * 32}.{'A' * 43}"}
        answer = await client.get("/api/v1/session", headers=cookie)
        assert answer.status_code == 503
        assert answer.json()["code"] == "UNAVAILABLE"
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
    await unreachable.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", 404, "NOT_FOUND"),
        ("POST", "/api/v1/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/nowhere", 404, "NOT_FOUND"),
        ("PUT", "/api/v1/users", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/users/", 404, "NOT_FOUND"),
    ],
)
async def test_unknown_pages_and_methods(anonymous, method, path, status, code):
    answer = await anonymous.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == code


async def test_a_body_that_is_too_large_is_refused(owner):
    huge = '{"name": "' + "x" * 2_000_000 + '"}'
    headers = {"content-type": "application/json"}
    for content in (huge, (part async for part in _pieces(huge.encode()))):
        answer = await owner.client.post("/api/v1/groups", content=content, headers=headers)
        assert answer.status_code == 413, answer.text
        assert answer.json()["code"] == "TOO_LARGE"


async def _pieces(data: bytes):
    """Without a Content-Length, so the size shows only as it comes."""
    for start in range(0, len(data), 100_000):
        await asyncio.sleep(0)
        yield data[start : start + 100_000]


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"name": NaN}', b'"text"', b"null", b""],
    ids=["cut", "not utf-8", "lone surrogate", "deep", "NaN", "string", "null", "empty"],
)
async def test_malformed_bodies_are_the_senders_fault(owner, content):
    answer = await owner.client.post(
        "/api/v1/groups", content=content, headers={"content-type": "application/json"}
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/collections", '{"name": "n\\u0000ul"}'),
        ("POST", "/api/v1/assistants", '{"name": "n\\u0000ul"}'),
        ("POST", "/api/v1/users", '{"name": "n", "email": "a@b.example", "roles": ["\\u0000"]}'),
        ("POST", "/api/v1/session", '{"tenant": "\\u0000", "email": "a@b.example", "password": "x"}'),
        ("GET", "/api/v1/users?search=%00", ""),
        ("GET", "/api/v1/sign-in/%00", ""),
    ],
)
async def test_a_nul_is_the_senders_fault(owner, method, path, body):
    answer = await owner.client.request(
        method, path, content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("value", ["short", "x" * 65, "with space 123", "<script>alert(1)</script>"])
async def test_odd_request_ids_are_replaced(anonymous, value):
    answer = await anonymous.get("/livez", headers={"X-Request-Id": value})
    assert answer.headers["x-request-id"] != value
    assert len(answer.headers["x-request-id"]) == 36


async def test_validation_points_at_the_fields(owner):
    body = {"name": "", "permissions": "all", "extra": 1}
    problem = (await owner.client.post("/api/v1/roles", json=body)).json()
    assert problem["code"] == "INVALID_REQUEST"
    assert {error["pointer"] for error in problem["errors"]} == {"/name", "/permissions", "/extra"}
    query = (await owner.client.get("/api/v1/users", params={"limit": 0})).json()
    assert query["errors"][0]["pointer"] == "query:limit"


async def test_the_openai_routes_speak_openais_envelope(anonymous, app, services, tenant):
    answer = await anonymous.get("/v1/models")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    person = await make_person(app, services, tenant, "auditor")
    refused = await person.client.get("/v1/models")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "permission_missing"
    await person.client.aclose()
