"""What is said about who can see a document is what a search of theirs comes to, and names the same grant."""

import itertools
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from secretariat.platform.access import repository as roles
from secretariat.platform.access.authority import (
    PersonAuthority,
    document_readable,
    documents_readable,
)
from secretariat.platform.access.explanation import Reader, reader, reader_count, readers
from secretariat.platform.access.grants import grant, revoke
from secretariat.platform.access.permit import permit
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.identity import Group, GroupMember, User
from secretariat.retrieval.core import Scope
from tests.platform.access.test_authority import add_collection, add_document
from tests.support.factories import make_tenant, make_user

WHO = ("ada", "bob", "staff", "board", "everyone")
PLACES = list(itertools.product(("collection", "document"), WHO, ("allow", "deny")))


@pytest.fixture(scope="module")
async def office(database: Database, services: Services):
    """Ada is in both groups, Bob in one; Cyd has no role, Dan is disabled and both are in a group."""
    tenant = await make_tenant(database)
    people = {name: await make_user(database, tenant, name=name) for name in ("ada", "bob", "dan")}
    people["cyd"] = await make_user(database, tenant, None, name="cyd")
    groups = {"staff": ("ada", "bob", "cyd", "dan"), "board": ("ada",)}
    principals = {"everyone": "everyone", **{name: f"user:{user.id}" for name, user in people.items()}}
    async with database.tenant(tenant.id) as session:
        (await session.get_one(User, (tenant.id, people["dan"].id))).status = "disabled"
        for name, members in groups.items():
            group = Group(tenant_id=tenant.id, id=new_id(), name=name)
            session.add(group)
            await session.flush()
            principals[name] = f"group:{group.id}"
            for member in members:
                session.add(GroupMember(tenant_id=tenant.id, group_id=group.id, user_id=people[member].id))
        collection = await add_collection(session)
        document = await add_document(session, services, collection)
    return tenant, people, principals, document


async def rules(database: Database, people: dict[str, User], document: Document) -> dict[str, UUID | None]:
    """By which grant a search on behalf of each person gives the document now; the look again agrees."""
    found = {}
    for name, user in people.items():
        scope = Scope(user.tenant_id)
        authority = PersonAuthority(database, user.id)
        found[name] = (await authority.permit(scope)).rule(document.id, document.collection_id)
        assert (await authority.readable(scope, [document.id])).get(document.id) == found[name]
    return found


async def withdraw(session: TenantSession, grants: list[Grant]) -> None:
    await session.execute(delete(Grant).where(Grant.id.in_([row.id for row in grants])))


async def told_of(session: TenantSession, document: Document, people: dict[str, User]) -> dict[str, Reader]:
    told = {}
    for name, user in people.items():
        found = await reader(session, document, user.id)
        assert found is not None
        told[name] = found
    return told


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.sets(st.sampled_from(PLACES), max_size=6))
async def test_the_explanation_is_what_a_search_does(office, database, chosen):
    tenant, people, principals, document = office
    async with database.tenant(tenant.id) as session:
        made = []
        for place, who, effect in sorted(chosen):
            target = document.collection_id if place == "collection" else document.id
            made.append(await grant(session, place, target, principals[who], effect, None))
    expected = await rules(database, people, document)
    async with database.tenant(tenant.id) as session:
        told = await told_of(session, document, people)
        listed = await readers(session, document, may_read=None, limit=100, after=None)
        who_may = await readers(session, document, may_read=True, limit=100, after=None)
        who_may_not = await readers(session, document, may_read=False, limit=100, after=None)
        assert await reader_count(session, document) == len(who_may)
        await withdraw(session, made)
    for name, found in told.items():
        assert (found.verdict == "allowed") is (expected[name] is not None), name
        if expected[name] is not None:
            assert found.paths[0].grant.id == expected[name]
        if found.verdict == "denied":
            assert found.paths[0].grant.effect == "deny"
    assert {one.user.name for one in who_may} == {name for name, rule in expected.items() if rule}
    reached = {name for name, found in told.items() if found.paths}
    assert {one.user.name for one in listed} == reached
    assert {one.user.name for one in who_may_not} == reached - {one.user.name for one in who_may}


async def test_each_verdict_has_its_reason(office, database):
    tenant, people, principals, document = office
    async with database.tenant(tenant.id) as session:
        opened = await grant(
            session, "collection", document.collection_id, principals["staff"], "allow", None
        )
        closed = await grant(session, "document", document.id, principals["bob"], "deny", None)
    async with database.tenant(tenant.id) as session:
        told = await told_of(session, document, people)
        assert {name: found.verdict for name, found in told.items()} == {
            "ada": "allowed",
            "bob": "denied",
            "cyd": "no_permission",
            "dan": "disabled",
        }
        assert [path.group_name for path in told["ada"].paths] == ["staff"]
        assert [path.grant.id for path in told["bob"].paths] == [closed.id, opened.id]
        assert await reader(session, document, new_id()) is None
        await revoke(session, "document", document.id, closed.id)
        await revoke(session, "collection", document.collection_id, opened.id)


async def test_a_list_of_readers_is_paged(office, database):
    tenant, _, _, document = office
    async with database.tenant(tenant.id) as session:
        opened = await grant(session, "document", document.id, "everyone", "allow", None)
        first = await readers(session, document, may_read=None, limit=3, after=None)
        rest = await readers(session, document, may_read=None, limit=3, after=first[-1].id)
        assert [one.user.name for one in (*first, *rest)] == ["cyd", "dan", "bob", "ada"]
        await revoke(session, "document", document.id, opened.id)


async def test_who_loses_the_role_reads_nothing_from_the_next_question_on(office, database):
    tenant, people, _, document = office
    async with database.tenant(tenant.id) as session:
        opened = await grant(session, "document", document.id, "everyone", "allow", None)
    assert (await rules(database, people, document))["bob"] == opened.id
    async with database.tenant(tenant.id) as session:
        held = await roles.roles_of(session, people["bob"].id)
        await roles.assign(session, people["bob"].id, [])
    assert (await rules(database, people, document))["bob"] is None
    async with database.tenant(tenant.id) as session:
        await roles.assign(session, people["bob"].id, [role.id for role in held])
        await revoke(session, "document", document.id, opened.id)


async def test_both_ways_to_ask_about_documents_agree(office, database, services):
    """One asks the grants for each document, the other once; lists and counts rest on either."""
    tenant, people, principals, document = office
    scope = frozenset({principals["ada"], principals["staff"]})
    async with database.tenant(tenant.id) as session:
        home = await add_collection(session)
        mine = [document, *[await add_document(session, services, home) for _ in range(3)]]
        made = [
            await grant(session, "collection", home.id, principals["staff"], "allow", None),
            await grant(session, "document", mine[1].id, principals["ada"], "deny", None),
            await grant(session, "document", mine[0].id, principals["bob"], "allow", None),
            await grant(session, "document", mine[2].id, principals["bob"], "deny", None),
        ]
        ways = [
            set(await session.scalars(select(Document.id).where(condition(scope))))
            for condition in (document_readable, documents_readable)
        ]
        given_ = await permit(session, people["ada"].id, KnownPermits())
        assert ways[0] == ways[1] == {mine[2].id, mine[3].id}
        assert {d.id for d in mine if given_.rule(d.id, d.collection_id)} == ways[0]
        await withdraw(session, made)
