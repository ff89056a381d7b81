"""Tenants, people and signed-in clients. Every test makes its own tenant, so tests never meet."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest_asyncio
from fastapi import FastAPI

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.access.permissions import BUILTIN_ROLES
from secretariat.platform.db.session import Database
from secretariat.platform.identity.callers import CSRF_HEADER, SESSION_COOKIE
from secretariat.platform.identity.sessions import open_session
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.tenants import Tenant
from secretariat.platform.tenants.service import create_tenant
from tests.support.app import BASE_URL


async def make_tenant(database: Database, name: str = "Acme") -> Tenant:
    return await create_tenant(database, f"acme-{secrets.token_hex(6)}", name)


async def make_user(
    database: Database,
    tenant: Tenant,
    role: str | None = "member",
    *,
    email: str | None = None,
    name: str = "Ada",
    password_hash: str | None = None,
) -> User:
    """A person with one of the tenant's roles, or with none."""
    async with database.tenant(tenant.id) as session:
        user = User(
            tenant_id=tenant.id,
            id=new_id(),
            email=email or f"{secrets.token_hex(6)}@example.com",
            name=name,
            password_hash=password_hash,
        )
        session.add(user)
        await session.flush()
        if role is not None:
            await access.assign(
                session, user.id, [found.id for found in await access.roles_named(session, [role])]
            )
    return user


def as_caller(user: User, role: str = "owner") -> Caller:
    """A caller without a request, for tests of services."""
    return Caller(
        tenant_id=user.tenant_id,
        user_id=user.id,
        email=user.email,
        name=user.name,
        roles=(role,),
        permissions=BUILTIN_ROLES[role],
        principals=frozenset({f"user:{user.id}", "everyone"}),
        auth_method="session",
        session_id=None,
        key_id=None,
        request_id="test-request",
        ip="127.0.0.1",
    )


def browser(app: FastAPI) -> httpx.AsyncClient:
    """Nobody yet. Errors in the application become 500 answers, as in production."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL)


async def sign_in(app: FastAPI, services: Services, user: User) -> httpx.AsyncClient:
    """A client with the session cookie and the CSRF header of a new session."""
    async with services.database.tenant(user.tenant_id) as session:
        opened = await open_session(session, services, user, "password", ip="127.0.0.1", user_agent=None)
    client = browser(app)
    client.cookies.set(SESSION_COOKIE, opened.cookie)
    client.headers[CSRF_HEADER] = opened.csrf_token
    return client


@dataclass
class Person:
    """A signed-in person of a tenant; `client` carries cookie and CSRF header."""

    tenant: Tenant
    user: User
    client: httpx.AsyncClient = field(repr=False)

    @property
    def id(self) -> UUID:
        return self.user.id


async def make_person(
    app: FastAPI, services: Services, tenant: Tenant, role: str | None = "member"
) -> Person:
    user = await make_user(services.database, tenant, role)
    return Person(tenant, user, await sign_in(app, services, user))


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(database: Database) -> Tenant:
    return await make_tenant(database)


@pytest_asyncio.fixture(loop_scope="session")
async def other_tenant(database: Database) -> Tenant:
    return await make_tenant(database, "Other")


@pytest_asyncio.fixture(loop_scope="session")
async def owner(app: FastAPI, services: Services, tenant: Tenant) -> AsyncIterator[Person]:
    person = await make_person(app, services, tenant, "owner")
    yield person
    await person.client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def other_owner(app: FastAPI, services: Services, other_tenant: Tenant) -> AsyncIterator[Person]:
    person = await make_person(app, services, other_tenant, "owner")
    yield person
    await person.client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as client:
        yield client
