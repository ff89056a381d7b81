"""A provider on loopback and a tenant that is connected to it."""

import secrets
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from secretariat.platform.db.session import Database
from secretariat.platform.tables.tenants import Tenant
from tests.support.factories import Person, browser
from tests.support.journeys import Journey
from tests.support.providers import CLIENT_ID, CLIENT_SECRET, LoopbackProvider, running_provider


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackProvider]:
    with running_provider() as made:
        yield made


@pytest.fixture
def provider(server: LoopbackProvider) -> LoopbackProvider:
    """The same server, honest again."""
    key, issuer = server.key, server.issuer
    server.__init__(issuer=issuer, key=key, email=f"{secrets.token_hex(4)}@example.com")  # type: ignore[misc]
    return server


@pytest.fixture
async def journey(
    app: FastAPI, database: Database, owner: Person, tenant: Tenant, provider: LoopbackProvider
) -> Journey:
    body = {
        "name": "Acme SSO",
        "kind": "oidc",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    made = await owner.client.post("/api/v1/connections", json=body)
    assert made.status_code == 201, made.text
    return Journey(app, database, tenant, UUID(made.json()["id"]), provider)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as made:
        yield made
