"""Who may read which document, decided by the grants that stand now."""

import itertools
from datetime import date
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from secretariat.platform.access import authority as access
from secretariat.platform.access.grants import grant, grants_on, open_collection, revoke
from secretariat.platform.access.permissions import BUILTIN_ROLES, DESCRIPTIONS, PERMISSIONS
from secretariat.platform.access.permit import permit, readable_now
from secretariat.platform.access.repository import seed_builtin_roles
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.access import Role
from secretariat.platform.tables.documents import Collection, Document
from secretariat.platform.tables.identity import Group, GroupMember, User
from secretariat.platform.web.errors import InvalidError
from secretariat.retrieval.core import Chunk, DocumentFilter, Span
from secretariat.retrieval.index.roster import Roster, Within
from tests.platform.access.asking import Asking
from tests.support.factories import make_tenant, make_user

KNOWN = KnownPermits()
"""One for all, as in a process: what a permit was yesterday must not matter."""


async def add_document(
    session: TenantSession, services: Services, collection: Collection, status: str = "ready"
) -> Document:
    async def pieces():
        yield b"words"

    blob = await services.blobs.put(session, pieces(), "text/plain")
    document = Document(
        tenant_id=session.tenant_id,
        id=new_id(),
        collection_id=collection.id,
        name="a.txt",
        media_type="text/plain",
        size=5,
        sha256=blob.sha256,
        blob_id=blob.id,
        status=status,
    )
    session.add(document)
    await session.flush()
    return document


async def add_collection(session: TenantSession) -> Collection:
    collection = Collection(tenant_id=session.tenant_id, id=new_id(), name=new_id().hex)
    session.add(collection)
    await session.flush()
    return collection


async def readable(
    database: Database, person: User, collections: set[UUID] | None = None
) -> tuple[frozenset[UUID], int]:
    """What the permit opens of the ready documents, and how many others count as denied.

    The look again at what was found must come to the same.
    """
    authority = Asking(database, person, KNOWN)
    given = await authority.permit()
    async with database.tenant(person.tenant_id) as session:
        ready = list(await session.scalars(select(Document).where(Document.status == "ready")))
    roster = Roster()
    roster.add(0, [_chunk_of(document) for document in ready])
    reach = roster.reach(given, Within(frozenset(collections) if collections is not None else None))
    ids = {document.id for row, document in enumerate(ready) if reach.mask[row]}
    assert reach.allowed == len(ids)
    again = await authority.readable([document.id for document in ready])
    assert again.items() <= {(d.id, given.rule(d.id, d.collection_id)) for d in ready}
    assert ids == again.keys() if collections is None else ids <= again.keys()
    return frozenset(ids), reach.denied


def _chunk_of(document: Document) -> Chunk:
    words = "words"
    return Chunk(new_id(), document.collection_id, document.id, words, 0, Span(0, 5), words, (), "", b"", 1)


async def test_without_a_grant_nothing_is_readable(database, services, tenant):
    async with database.tenant(tenant.id) as session:
        await add_document(session, services, await add_collection(session))
    assert await readable(database, await make_user(database, tenant)) == (frozenset(), 1)


async def test_a_new_collection_is_open_to_everyone_unless_private(database, services, tenant):
    ada, bob = await make_user(database, tenant), await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        shared, private = await add_collection(session), await add_collection(session)
        await open_collection(session, shared.id, ada.id, private=False)
        await open_collection(session, private.id, ada.id, private=True)
        first = await add_document(session, services, shared)
        second = await add_document(session, services, private)
    assert await readable(database, ada) == (frozenset({first.id, second.id}), 0)
    assert await readable(database, bob) == (frozenset({first.id}), 1)
    assert await readable(database, bob, {private.id}) == (frozenset(), 1)
    assert await readable(database, bob, {shared.id}) == (frozenset({first.id}), 0)
    assert await readable(database, bob, set()) == (frozenset(), 0)


async def test_only_ready_documents_are_searched(database, services, tenant):
    ada = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        await open_collection(session, collection.id, ada.id, private=False)
        for status in ("queued", "processing", "rejected", "deleted"):
            await add_document(session, services, collection, status)
    assert await readable(database, await make_user(database, tenant)) == (frozenset(), 0)


async def test_a_removed_grant_is_gone_at_the_next_question(database, services, tenant):
    ada = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        await add_document(session, services, collection)
        made = await open_collection(session, collection.id, ada.id, private=False)
    assert len((await readable(database, await make_user(database, tenant)))[0]) == 1
    async with database.tenant(tenant.id) as session:
        assert await revoke(session, "collection", collection.id, made.id)
        assert not await revoke(session, "collection", collection.id, made.id)
    assert await readable(database, await make_user(database, tenant)) == (frozenset(), 1)


async def test_the_same_grant_twice_is_one_grant(database, tenant):
    ada = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        first = await grant(session, "collection", collection.id, f"user:{ada.id}", "allow", None)
        second = await grant(session, "collection", collection.id, f"user:{ada.id}", "allow", None)
        assert first.id == second.id
        assert len(await grants_on(session, "collection", collection.id)) == 1


@pytest.mark.parametrize(
    "principal",
    ["", "everyone ", "user:", "user:1", "role:owner", f"user:{UUID(int=1)}", f"group:{UUID(int=1)}"],
)
async def test_a_grant_names_someone_of_the_tenant(database, tenant, principal):
    with pytest.raises(InvalidError):
        async with database.tenant(tenant.id) as session:
            collection = await add_collection(session)
            await grant(session, "collection", collection.id, principal, "allow", None)


async def test_a_foreign_person_is_nobody_here(database, tenant, other_tenant):
    foreigner = await make_user(database, other_tenant)
    with pytest.raises(InvalidError):
        async with database.tenant(tenant.id) as session:
            collection = await add_collection(session)
            await grant(session, "collection", collection.id, f"user:{foreigner.id}", "allow", None)


@pytest.fixture(scope="module")
async def playground(database: Database, services: Services):
    """One person, one group, one collection, one document: every combination of grants is tried on them."""
    tenant = await make_tenant(database)
    user = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        group = Group(tenant_id=tenant.id, id=new_id(), name="group")
        session.add(group)
        await session.flush()
        collection = await add_collection(session)
        document = await add_document(session, services, collection)
    principals = {"user": f"user:{user.id}", "group": f"group:{group.id}", "everyone": "everyone"}
    return tenant, collection, document, principals


PLACES = list(itertools.product(("collection", "document"), ("user", "group", "everyone"), ("allow", "deny")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.sets(st.sampled_from(PLACES), max_size=5), member=st.booleans())
async def test_allow_opens_deny_closes_and_deny_wins(playground, database, chosen, member):
    """Against the rule in one line: some allow of mine, and no deny of mine, on it or its collection."""
    tenant, collection, document, principals = playground
    user_id = UUID(principals["user"][5:])
    mine = {"user", "everyone"} | ({"group"} if member else set())
    scope = frozenset(principals[name] for name in mine)
    effects = {effect for _, who, effect in chosen if who in mine}
    expected = "allow" in effects and "deny" not in effects
    on_collection = {effect for place, who, effect in chosen if who in mine and place == "collection"}
    async with database.tenant(tenant.id) as session:
        made = []
        for place, who, effect in sorted(chosen):
            target = collection.id if place == "collection" else document.id
            made.append((place, target, await grant(session, place, target, principals[who], effect, None)))
        assert await access.may_read_document(session, scope, document.id) is expected
        if member:
            session.add(
                GroupMember(tenant_id=tenant.id, group_id=UUID(principals["group"][6:]), user_id=user_id)
            )
            await session.flush()
        given = await permit(session, user_id, KNOWN)
        assert (given.rule(document.id, collection.id) is not None) is expected
        assert (document.id in await readable_now(session, user_id, [document.id], KNOWN)) is expected
        whole = await access.may_read_collection(session, scope, collection.id)
        assert whole is (on_collection == {"allow"})
        for place, target, row in made:
            await revoke(session, place, target, row.id)
        await session.execute(delete(GroupMember))


async def test_a_filter_lets_through_what_says_so_of_itself(database, services, tenant):
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        old, new, silent = [await add_document(session, services, collection) for _ in range(3)]
        old.language, old.dated = "de", date(2019, 5, 1)
        new.language, new.dated, new.source = "en", date(2026, 5, 1), "mail"
        await add_document(session, services, collection, "queued")
        await open_collection(session, collection.id, new_id(), private=False)
        closed = await add_collection(session)
        (await add_document(session, services, closed)).language = "de"
    asked = {
        DocumentFilter(): {old.id, new.id, silent.id},
        DocumentFilter(languages=frozenset({"de", "fr"})): {old.id},
        DocumentFilter(sources=frozenset({"mail"})): {new.id},
        DocumentFilter(media_types=frozenset({"application/pdf"})): set(),
        DocumentFilter(since=date(2019, 5, 1), until=date(2019, 5, 1)): {old.id},
        DocumentFilter(since=date(2019, 5, 2)): {new.id},
    }
    person = await make_user(database, tenant)
    for where, expected in asked.items():
        assert await Asking(database, person).matching(where) == expected


async def test_builtin_roles_follow_the_code(database, tenant):
    async with database.tenant(tenant.id) as session:
        member = (await session.scalars(select(Role).where(Role.name == "member"))).one()
        member.permissions = ["tenant.manage"]
    async with database.tenant(tenant.id) as session:
        await seed_builtin_roles(session)
    async with database.tenant(tenant.id) as session:
        rows = {role.name: frozenset(role.permissions) for role in await session.scalars(select(Role))}
    assert rows == dict(BUILTIN_ROLES)


def test_every_permission_is_described():
    assert set(DESCRIPTIONS) == PERMISSIONS
    assert BUILTIN_ROLES["owner"] == PERMISSIONS
