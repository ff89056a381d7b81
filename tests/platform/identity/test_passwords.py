"""Signing in with a password, and what a thief of pieces can't do."""

import asyncio
import json
import statistics
import time

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from secretariat.platform.db.session import Database
from secretariat.platform.identity.callers import CSRF_HEADER, SESSION_COOKIE
from secretariat.platform.identity.passwords import hash_password
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.identity import SignInSession, User
from secretariat.platform.tables.tenants import Tenant
from tests.support.factories import browser, make_user

PASSWORD = "correct horse battery"


@pytest.fixture
async def user(database: Database, tenant: Tenant) -> User:
    return await make_user(database, tenant, "member", password_hash=await hash_password(PASSWORD))


def credentials(tenant: Tenant, user: User, password: str = PASSWORD) -> dict[str, str]:
    return {"tenant": tenant.slug, "email": user.email, "password": password}


async def sign_in(client: httpx.AsyncClient, tenant: Tenant, user: User, password: str = PASSWORD):
    return await client.post("/api/v1/session", json=credentials(tenant, user, password))


async def records(database: Database, tenant: Tenant, action: str) -> list[AuditRecord]:
    async with database.tenant(tenant.id) as session:
        rows = await session.scalars(
            select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)
        )
        return list(rows)


async def test_sign_in_tells_who_one_is(anonymous, tenant, user):
    answer = await sign_in(anonymous, tenant, user)
    assert answer.status_code == 200
    body = answer.json()
    assert body["user"]["email"] == user.email
    assert body["tenant"]["slug"] == tenant.slug
    assert body["roles"] == ["member"]
    assert "tasks.write" in body["permissions"]
    assert "users.manage" not in body["permissions"]
    again = (await anonymous.get("/api/v1/session")).json()
    assert again == body


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anonymous, tenant, user):
    answer = await sign_in(anonymous, tenant, user)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


async def test_email_is_not_case_sensitive(anonymous, tenant, user):
    body = {"tenant": tenant.slug.upper(), "email": f" {user.email.upper()} ", "password": PASSWORD}
    assert (await anonymous.post("/api/v1/session", json=body)).status_code == 200


async def test_wrong_password_unknown_person_and_unknown_tenant_look_the_same(anonymous, tenant, user):
    wrong = await sign_in(anonymous, tenant, user, "not the password")
    unknown = await anonymous.post(
        "/api/v1/session", json=credentials(tenant, user) | {"email": "nobody@example.com"}
    )
    nowhere = await anonymous.post(
        "/api/v1/session", json=credentials(tenant, user) | {"tenant": "no-such-tenant"}
    )
    bodies = [{**answer.json(), "request_id": ""} for answer in (wrong, unknown, nowhere)]
    assert [answer.status_code for answer in (wrong, unknown, nowhere)] == [401, 401, 401]
    assert bodies[0] == bodies[1] == bodies[2]
    assert "set-cookie" not in wrong.headers


async def test_unknown_people_cost_the_same_time(app, tenant, user):
    async def seconds(email: str) -> float:
        async with browser(app) as client:
            began = time.perf_counter()
            await client.post(
                "/api/v1/session", json={"tenant": tenant.slug, "email": email, "password": "x"}
            )
            return time.perf_counter() - began

    await seconds("warm@example.com")
    known = statistics.median([await seconds(user.email) for _ in range(4)])
    unknown = statistics.median([await seconds(f"{index}@example.com") for index in range(4)])
    assert 0.3 < known / unknown < 3.0


async def test_a_disabled_person_is_refused(anonymous, database, tenant, user):
    async with database.tenant(tenant.id) as session:
        found = (await session.scalars(select(User).where(User.id == user.id))).one()
        found.status = "disabled"
    assert (await sign_in(anonymous, tenant, user)).status_code == 401


async def test_guessing_is_slowed_down_for_one_account_and_address(app, tenant, user, database):
    async with browser(app) as client:
        statuses = [(await sign_in(client, tenant, user, f"guess {n}")).status_code for n in range(10)]
        stopped = await sign_in(client, tenant, user)
        assert statuses == [401] * 10
        assert stopped.status_code == 429
        assert int(stopped.headers["retry-after"]) > 0
        other = await make_user(database, tenant, "member", password_hash=await hash_password(PASSWORD))
        assert (await sign_in(client, tenant, other)).status_code == 200


async def test_guessing_at_the_same_time_gains_nothing(app, tenant, user):
    async with browser(app) as client:
        guesses = [sign_in(client, tenant, user, f"guess {n}") for n in range(30)]
        statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
        assert statuses.count(401) == 10
        assert statuses.count(429) == 20
        assert (await sign_in(client, tenant, user)).status_code == 429


async def test_every_try_is_on_record(anonymous, database, tenant, user):
    await sign_in(anonymous, tenant, user, "wrong")
    await sign_in(anonymous, tenant, user)
    tries = await records(database, tenant, "session.create")
    assert [(row.outcome, row.actor["email"]) for row in tries] == [
        ("denied", user.email),
        ("success", user.email),
    ]
    assert "wrong" not in str([row.details for row in tries]).replace("wrong_credentials", "")


async def test_a_sign_in_never_reuses_a_session(app, services, tenant, user):
    """Session fixation: whatever cookie the browser had before, the session after is new and the old ends."""
    async with browser(app) as client:
        await sign_in(client, tenant, user)
        first = client.cookies[SESSION_COOKIE]
        await sign_in(client, tenant, user)
        second = client.cookies[SESSION_COOKIE]
        assert first.split(".")[1] != second.split(".")[1]
        assert first.split(".")[2] != second.split(".")[2]
    async with browser(app) as thief:
        thief.cookies.set(SESSION_COOKIE, first)
        assert (await thief.get("/api/v1/session")).status_code == 401
        thief.cookies.set(SESSION_COOKIE, second)
        assert (await thief.get("/api/v1/session")).status_code == 200


async def test_a_planted_cookie_does_not_become_a_session(anonymous, tenant, user):
    planted = f"{tenant.id.hex}.{'0' * 32}.{'A' * 43}"
    anonymous.cookies.set(SESSION_COOKIE, planted, domain="secretariat.test", path="/")
    await sign_in(anonymous, tenant, user)
    values = {cookie.value for cookie in anonymous.cookies.jar if cookie.name == SESSION_COOKIE}
    assert planted not in values


async def test_signing_out_ends_the_session_on_the_server(owner, app):
    cookie = owner.client.cookies[SESSION_COOKIE]
    answer = await owner.client.delete("/api/v1/session")
    assert answer.status_code == 204
    async with browser(app) as thief:
        thief.cookies.set(SESSION_COOKIE, cookie)
        assert (await thief.get("/api/v1/session")).status_code == 401


async def test_unsafe_methods_need_the_csrf_token(owner):
    del owner.client.headers[CSRF_HEADER]
    for headers in ({}, {CSRF_HEADER: "wrong"}, {CSRF_HEADER: ""}, {CSRF_HEADER: "é"}):
        raw = {name: value.encode() for name, value in headers.items()}
        answer = await owner.client.post("/api/v1/groups", json={"name": "Night shift"}, headers=raw)
        assert answer.status_code == 403
        assert answer.json()["code"] == "CSRF"
    assert (await owner.client.get("/api/v1/session")).status_code == 200


async def test_a_form_of_another_site_cannot_sign_in(anonymous, tenant, user):
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await anonymous.post(
            "/api/v1/session",
            content=json.dumps(credentials(tenant, user)),
            headers={"content-type": content_type},
        )
        assert answer.status_code == 422


async def test_another_persons_csrf_token_does_not_help(owner, other_owner):
    owner.client.headers[CSRF_HEADER] = other_owner.client.headers[CSRF_HEADER]
    assert (await owner.client.post("/api/v1/groups", json={"name": "x"})).status_code == 403


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_changed_cookie_is_worthless(owner, other_owner, app, part):
    pieces = owner.client.cookies[SESSION_COOKIE].split(".")
    pieces[part] = other_owner.client.cookies[SESSION_COOKIE].split(".")[part]
    async with browser(app) as thief:
        thief.cookies.set(SESSION_COOKIE, ".".join(pieces))
        assert (await thief.get("/api/v1/session")).status_code == 401


async def test_the_database_alone_gives_no_session(owner, database, tenant):
    """What is stored is an HMAC: neither the secret nor a hash that a cookie could be made from."""
    secret = owner.client.cookies[SESSION_COOKIE].split(".")[2]
    async with database.tenant(tenant.id) as session:
        row = (await session.scalars(select(SignInSession).where(SignInSession.user_id == owner.id))).one()
    assert secret.encode() not in row.secret_hmac
    assert len(row.secret_hmac) == 32


async def test_an_expired_session_is_refused(owner, database, tenant):
    async with database.tenant(tenant.id) as session:
        row = (await session.scalars(select(SignInSession).where(SignInSession.user_id == owner.id))).one()
        row.expires_at = func.now()
    assert (await owner.client.get("/api/v1/session")).status_code == 401


async def test_sign_in_options_of_an_unknown_tenant_have_the_same_shape(anonymous, tenant):
    known = (await anonymous.get(f"/api/v1/sign-in/{tenant.slug}")).json()
    unknown = (await anonymous.get("/api/v1/sign-in/nobody-here")).json()
    assert known.keys() == unknown.keys()
    assert unknown["connections"] == []
    assert unknown["password"] is True


async def test_validation_errors_never_repeat_the_password(anonymous):
    answer = await anonymous.post("/api/v1/session", json={"tenant": 1, "password": ["hunter2-secret"]})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/tenant", "/email", "/password"}


async def test_passwords_never_reach_the_logs(app: FastAPI, services: Services, tenant, user, capfd):
    async with browser(app) as client:
        await sign_in(client, tenant, user, "hunter2-in-the-logs")
    written = capfd.readouterr()
    assert "hunter2-in-the-logs" not in written.out + written.err
