"""What is taken away in one process is gone from the next search, list and read in every other.

The next one: that is sooner than any number of seconds, and doesn't depend on how busy the machine is.
"""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from secretariat.models.core import CallContext, RerankResult
from secretariat.platform.access import repository as roles
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.app import create_app
from secretariat.platform.contents.blobs import BlobStore
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, GroupMember
from secretariat.retrieval.core import Scope, SearchRequest
from secretariat.retrieval.search.pipeline import Pipeline
from tests.platform.documents.steps import ingested, make_collection
from tests.support.factories import Person, make_user, sign_in
from tests.support.postgres import Postgres


@pytest.fixture
async def elsewhere(services: Services, postgres: Postgres) -> AsyncIterator[tuple[FastAPI, Services]]:
    """The service as another process holds it: connections, keys and indexes of its own."""
    database = Database(postgres.app_url, pool_size=4)
    keyring = Keyring(services.contents.keyring.master)
    contents = ContentStore(keyring)
    made = dataclasses.replace(
        services,
        database=database,
        contents=contents,
        blobs=BlobStore(keyring),
        indexes=IndexViews(database, contents, None),
        permits=KnownPermits(),
    )
    yield create_app(made), made
    await database.close()


async def test_revocation_is_seen_by_the_next_request_of_another_process(
    services: Services, owner: Person, elsewhere: tuple[FastAPI, Services]
) -> None:
    app, there = elsewhere
    user = await make_user(services.database, owner.tenant)
    member = Person(owner.tenant, user, await sign_in(app, there, user))
    async with services.database.tenant(owner.tenant.id) as session:
        group = Group(tenant_id=owner.tenant.id, name="staff")
        session.add(group)
        await session.flush()
        session.add(GroupMember(tenant_id=owner.tenant.id, group_id=group.id, user_id=user.id))
        held = [role.id for role in await roles.roles_of(session, user.id)]
    collection_id = await make_collection(owner, private=True)
    document = await ingested(services, owner, collection_id)
    path, on = f"/api/v1/documents/{document['id']}", f"/api/v1/collections/{collection_id}/grants"

    async def readable() -> bool:
        search = await member.client.post("/api/v1/search", json={"query": "paid holiday"})
        read = await member.client.get(f"{path}/text")
        listed = (await member.client.get("/api/v1/documents")).json().get("data", [])
        shown = search.json().get("passages", [])
        assert (read.status_code == 200) is bool(listed) is bool(shown)
        return bool(shown)

    async def lose(taking: Callable[[], Awaitable[object]]) -> None:
        assert await readable()
        await taking()
        assert not await readable()

    async def assign(role_ids: list[UUID]) -> None:
        async with services.database.tenant(owner.tenant.id) as session:
            await roles.assign(session, user.id, role_ids)

    assert not await readable()
    opened = (await owner.client.post(on, json={"principal": f"group:{group.id}"})).json()
    closing = {"principal": "everyone", "effect": "deny"}
    denied: list[str] = []

    async def deny() -> None:
        denied.append((await owner.client.post(f"{path}/grants", json=closing)).json()["id"])

    await lose(deny)
    await owner.client.delete(f"{path}/grants/{denied[0]}")
    await lose(lambda: assign([]))
    await assign(held)
    await lose(lambda: owner.client.delete(f"{on}/{opened['id']}"))
    await owner.client.post(on, json={"principal": f"group:{group.id}"})
    await lose(lambda: owner.client.delete(path))
    await member.client.aclose()


async def test_what_is_taken_away_between_ranking_and_answer_is_not_in_the_answer(
    services: Services, owner: Person
) -> None:
    """Although the process remembers the permit under which it was ranked."""
    collection_id = await make_collection(owner)
    document = await ingested(services, owner, collection_id)
    other = await ingested(services, owner, collection_id, data=b"Holiday is paid.", name="other.md")
    scope = Scope(owner.tenant.id)
    authority = PersonAuthority(services.database, owner.id, KnownPermits())
    view = await services.indexes.view(owner.tenant.id)
    closing = {"principal": "everyone", "effect": "deny"}

    class Denying:
        async def rerank(self, *asked: Any, **how: Any) -> RerankResult:
            ranked = await services.models.rerank(*asked, **how)
            path = f"/api/v1/documents/{document['id']}/grants"
            assert (await owner.client.post(path, json=closing)).status_code == 201
            return ranked

    call, request = CallContext(tenant="test", request_id="test"), SearchRequest("paid holiday")
    before = await Pipeline(view, authority, services.models, call, services.models).search(scope, request)
    assert str(document["id"]) in {str(passage.chunk.document_id) for passage in before.passages}
    during = await Pipeline(view, authority, services.models, call, Denying()).search(scope, request)
    assert during.allowed == 2
    assert {str(passage.chunk.document_id) for passage in during.passages} <= {other["id"]}
