"""What a process remembers of permits never outlives the grants that they were made of."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from sqlalchemy import delete, event, insert, update

from secretariat.platform.access import permit as permits
from secretariat.platform.access import repository as roles
from secretariat.platform.access.grants import grant, open_collection, revoke
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.identity import repository as people
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.indexes.repository import take_numbers
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, GroupMember, User
from secretariat.platform.tables.tenants import Tenant
from secretariat.retrieval.core import DocumentFilter, Permit
from secretariat.retrieval.errors import FilterTooWideError
from tests.platform.access.asking import Asking
from tests.platform.access.test_authority import add_collection, add_document
from tests.support.factories import make_user
from tests.support.postgres import Postgres

ADDED = """
INSERT INTO grants (tenant_id, id, resource_type, resource_id, principal, effect)
VALUES (%(tenant)s, %(grant)s, 'collection', %(closed)s, 'everyone', 'allow')
"""


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database, but for the binding of sessions to their tenant."""
    asked: list[str] = []
    glance = database.glance

    async def noted(tenant_id: UUID, query: Any, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        asked.append(str(query))
        return await glance(tenant_id, query, values)

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "set_config" not in statement:
            asked.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        with patch.object(database, "glance", noted):
            yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def _collection(database: Database, tenant: Tenant, principal: str | None = "everyone") -> UUID:
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        if principal is not None:
            await grant(session, "collection", collection.id, principal, "allow", None)
        return collection.id


async def test_it_is_worked_out_once_for_as_long_as_no_grant_changes(
    database, services, tenant, other_tenant
):
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        await open_collection(session, collection.id, new_id(), private=False)
        document = await add_document(session, services, collection)
    known, person = KnownPermits(), await make_user(database, tenant)
    first = await Asking(database, person, known).permit()
    await _collection(database, other_tenant)
    with statements(database) as asked:
        assert await Asking(database, person, known).permit() is first
        assert document.id in await Asking(database, person, known).readable([document.id])
    assert len(asked) == 2


async def test_any_change_by_any_hand_is_seen_by_the_next_question(
    database: Database, services: Services, tenant: Tenant, postgres: Postgres
) -> None:
    """Past the service too: the database itself gives the grants another version."""
    collection_id = await _collection(database, tenant)
    async with database.tenant(tenant.id) as session:
        bystander = await make_user(database, tenant)
        closed = await add_collection(session)
    authority = Asking(database, await make_user(database, tenant))
    grant_id = new_id()

    async def opened() -> set[UUID]:
        given = await authority.permit()
        return {one for one in (collection_id, closed.id) if given.rule(new_id(), one)}

    assert await opened() == {collection_id}
    with postgres.connect(postgres.superuser_url) as by_hand:
        for statement, expected in (
            (ADDED, {collection_id, closed.id}),
            ("UPDATE grants SET effect = 'deny' WHERE id = %(grant)s", {collection_id}),
            ("UPDATE grants SET effect = 'allow' WHERE id = %(grant)s", {collection_id, closed.id}),
            ("UPDATE grants SET principal = %(bystander)s WHERE id = %(grant)s", {collection_id}),
            ("DELETE FROM grants WHERE tenant_id = %(tenant)s", set()),
        ):
            by_hand.execute(
                statement,
                {
                    "tenant": tenant.id,
                    "grant": grant_id,
                    "closed": closed.id,
                    "bystander": f"user:{bystander.id}",
                },
            )
            assert await opened() == expected, statement


async def test_groups_roles_and_status_count_as_they_are_now(database, services, tenant):
    """Also when a group itself goes, and its memberships with it."""
    person = await make_user(database, tenant)
    async with database.tenant(tenant.id) as session:
        group = Group(tenant_id=tenant.id, id=new_id(), name="staff")
        session.add(group)
        await session.flush()
        collection = await add_collection(session)
        await grant(session, "collection", collection.id, f"group:{group.id}", "allow", None)
        document = await add_document(session, services, collection)
        held = [role.id for role in await roles.roles_of(session, person.id)]
    authority = Asking(database, person)

    async def reads() -> bool:
        given = await authority.permit()
        found = await authority.readable([document.id])
        assert (given.rule(document.id, collection.id) is not None) is bool(found)
        return bool(found)

    async def after(change: Callable[[TenantSession], Awaitable[object]]) -> bool:
        async with database.tenant(tenant.id) as session:
            await change(session)
        return await reads()

    def status(value: str) -> Callable[[TenantSession], Awaitable[object]]:
        return lambda session: session.execute(update(User).where(User.id == person.id).values(status=value))

    join = insert(GroupMember).values(tenant_id=tenant.id, group_id=group.id, user_id=person.id)
    assert not await reads()
    assert await after(lambda session: session.execute(join))
    assert not await after(lambda session: session.execute(delete(GroupMember)))
    assert await after(lambda session: session.execute(join))
    assert not await after(lambda session: roles.assign(session, person.id, []))
    assert await after(lambda session: roles.assign(session, person.id, held))
    assert not await after(status("disabled"))
    assert await after(status("active"))
    assert not await after(lambda session: people.remove_group(session, group.id))


async def test_a_change_counts_from_its_commit_on_and_not_if_it_is_rolled_back(database, tenant):
    collection_id = await _collection(database, tenant)
    authority = Asking(database, await make_user(database, tenant))
    first = await authority.permit()

    class ChangedItsMindError(Exception):
        pass

    with pytest.raises(ChangedItsMindError):
        async with database.tenant(tenant.id) as session:
            await grant(session, "collection", collection_id, "everyone", "deny", None)
            assert await authority.permit() is first
            raise ChangedItsMindError
    assert await authority.permit() is first
    async with database.tenant(tenant.id) as session:
        await grant(session, "collection", collection_id, "everyone", "deny", None)
        assert await authority.permit() is first
    assert (await authority.permit()).closed_collections == {collection_id}


async def test_of_two_changes_at_once_none_is_lost(database, tenant):
    one, other = [await _collection(database, tenant, None) for _ in range(2)]
    authority = Asking(database, await make_user(database, tenant))
    assert not (await authority.permit()).collections

    async def open_to_all(collection_id: UUID) -> None:
        async with database.tenant(tenant.id) as session:
            await grant(session, "collection", collection_id, "everyone", "allow", None)
            await authority.permit()  # what is remembered amid a change must not outlive it
            await asyncio.sleep(0.05)
        assert collection_id in (await authority.permit()).collections

    await asyncio.gather(open_to_all(one), open_to_all(other))
    assert (await authority.permit()).collections.keys() == {one, other}


async def test_it_says_how_far_the_log_is(database, tenant):
    await _collection(database, tenant)
    authority = Asking(database, await make_user(database, tenant))
    first = await authority.permit()
    assert first.head == 0
    async with database.tenant(tenant.id) as session:
        await take_numbers(session, 5)
    with statements(database) as asked:
        later = await authority.permit()
    assert (later.head, later.collections, len(asked)) == (5, first.collections, 1)


async def test_what_was_found_is_looked_at_by_the_grants_of_that_moment(database, services, tenant):
    async with database.tenant(tenant.id) as session:
        collection = await add_collection(session)
        opened = await open_collection(session, collection.id, new_id(), private=False)
        document, unread = [await add_document(session, services, collection) for _ in range(2)]
        unread.status = "processing"
    authority = Asking(database, await make_user(database, tenant))
    await authority.permit()
    both = [document.id, unread.id]
    assert await authority.readable(both) == {document.id: opened.id}
    async with database.tenant(tenant.id) as session:
        own = await grant(session, "document", document.id, "everyone", "allow", None)
    assert await authority.readable(both) == {document.id: own.id}
    async with database.tenant(tenant.id) as session:
        await grant(session, "document", document.id, "everyone", "deny", None)
    assert await authority.readable(both) == {}
    async with database.tenant(tenant.id) as session:
        await revoke(session, "collection", collection.id, opened.id)
    assert await authority.readable(both) == {}


async def test_a_filter_that_lets_too_much_through_is_refused_by_what_may_be_read_alone(
    database, services, tenant, monkeypatch
):
    monkeypatch.setattr(permits, "MOST_MATCHING", 2)
    async with database.tenant(tenant.id) as session:
        opened, closed = await add_collection(session), await add_collection(session)
        await open_collection(session, opened.id, new_id(), private=False)
        two = [await add_document(session, services, opened) for _ in range(2)]
        for _ in range(3):
            await add_document(session, services, closed)
    authority = Asking(database, await make_user(database, tenant))
    where = DocumentFilter(media_types=frozenset({"text/plain"}))
    assert await authority.matching(where) == {document.id for document in two}
    async with database.tenant(tenant.id) as session:
        await add_document(session, services, opened)
    with pytest.raises(FilterTooWideError):
        await authority.matching(where)


def test_those_asked_for_least_are_forgotten_first() -> None:
    known, version = KnownPermits(grants_in_memory=25), new_id()
    askers = [(new_id(), new_id()) for _ in range(4)]

    def permit(grants: int) -> Permit:
        return Permit(documents={new_id(): new_id() for _ in range(grants)})

    given = [permit(7) for _ in askers]
    for asker, one in zip(askers[:3], given, strict=False):
        known.put(asker, version, one)
    assert known.get(askers[0], version) is given[0]
    known.put(askers[3], version, given[3])
    assert [known.get(asker, version) for asker in askers] == [given[0], None, given[2], given[3]]
    assert known.get(askers[0], new_id()) is None
    known.put(askers[0], version, permit(30))
    assert all(known.get(asker, version) is None for asker in askers)
