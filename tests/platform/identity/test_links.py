"""One-time sign-in links."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from secretariat.platform.identity.callers import SESSION_COOKIE
from secretariat.platform.identity.sessions import create_sign_in_link
from secretariat.platform.kit.times import now
from secretariat.platform.tables.identity import SignInLink
from tests.support.factories import browser, make_user


@pytest.fixture
async def link(database, services, tenant) -> str:
    user = await make_user(database, tenant, "owner")
    async with database.tenant(tenant.id) as session:
        return await create_sign_in_link(session, services, user)


async def test_a_link_signs_in_once(app, link):
    async with browser(app) as client:
        first = await client.get("/auth/link", params={"token": link})
        assert first.status_code == 303
        assert first.headers["location"] == "/"
        assert (await client.get("/api/v1/session")).json()["roles"] == ["owner"]
    async with browser(app) as thief:
        second = await thief.get("/auth/link", params={"token": link})
        assert second.status_code == 401
        assert SESSION_COOKIE not in thief.cookies


async def test_an_old_link_is_refused(app, link, database, tenant):
    async with database.tenant(tenant.id) as session:
        row = (await session.scalars(select(SignInLink))).one()
        row.expires_at = now() - timedelta(seconds=1)
    async with browser(app) as client:
        assert (await client.get("/auth/link", params={"token": link})).status_code == 401


async def test_a_changed_link_is_refused_and_leaves_the_real_one_alone(app, link, other_tenant):
    tenant_hex, link_hex, secret = link.split(".")
    changed = "A" if secret[0] != "A" else "B"
    async with browser(app) as client:
        for token in (
            f"{tenant_hex}.{link_hex}.{changed}{secret[1:]}",
            f"{other_tenant.id.hex}.{link_hex}.{secret}",
            "nonsense",
        ):
            assert (await client.get("/auth/link", params={"token": token})).status_code == 401
        assert (await client.get("/auth/link", params={"token": link})).status_code == 303


async def test_browsers_get_a_page_and_programs_a_problem(app):
    async with browser(app) as client:
        page = await client.get("/auth/link", params={"token": "x"}, headers={"accept": "text/html"})
        assert page.status_code == 401
        assert page.headers["content-type"].startswith("text/html")
        assert "/sign-in" in page.text
        problem = await client.get("/auth/link", params={"token": "x"})
        assert problem.headers["content-type"] == "application/problem+json"
