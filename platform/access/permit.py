"""What the grants come to for a person: the permit of a search, and the look again at what it found.

A permit is remembered together with the version that grants and groups had before it was worked out, and serves
only while that is their version still. The version is read anew for every question, as is whether the person may
read documents at all, so what is taken away is gone for the next one, in every process.
"""

import asyncio
from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.access.repository import principals_of, reads_documents
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.permits import KnownPermits, Person
from secretariat.platform.tables.access import Grant, GrantVersion
from secretariat.platform.tables.documents import ChunkHead, Document
from secretariat.retrieval.core import DocumentFilter, Permit
from secretariat.retrieval.errors import FilterTooWideError

MOST_MATCHING = 100_000
"""Documents that a filter may let through: more would take the memory and the time of other searches."""

Rows: TypeAlias = Sequence[tuple[Any, ...]]
_UUID_BYTES = 16
_VERSION = select(GrantVersion.version).scalar_subquery()
_HEAD = select(ChunkHead.seq).scalar_subquery()
_UNREADY = (  # in the words of its index, which a statement with parameters would not be known to fit
    select(func.array_agg(Document.id))
    .where(Document.status != literal_column("'ready'"), Document.chunk_count > literal_column("0"))
    .scalar_subquery()
)
# Made once, for they are asked at every search. Both give nothing for who may read no documents.
STATE = select(_VERSION, func.coalesce(_HEAD, 0), _UNREADY).where(reads_documents(bindparam("person")))
FOUND = select(Document.id, Document.collection_id, _VERSION).where(
    Document.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
    Document.status == "ready",
    reads_documents(bindparam("person")),
)


def held_by(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Grant; one array however many there are, so that the statement stays the same."""
    return Grant.principal == any_(literal(sorted(principals | {EVERYONE}), ARRAY(Text)))


async def permit(session: TenantSession, user_id: UUID, known: KnownPermits) -> Permit:
    """What all grants to the person come to. Of several that open the same, the oldest is named."""
    person = session.tenant_id, user_id
    state = [tuple(row) for row in await session.execute(STATE, {"person": user_id})]
    given = remembered(state, person, known)
    if given is None:
        version, head, being_read = state[0]
        given = await _worked_out(session, held_by(await principals_of(session, user_id)))
        given = replace(given, head=head, unready=frozenset[UUID](being_read or ()))
        known.put(person, version, given)
    return given


def remembered(state: Rows, person: Person, known: KnownPermits) -> Permit | None:
    """What `permit` comes to by the rows of STATE; None where the grants have to be asked."""
    if not state:
        return Permit()
    version, head, being_read = state[0]
    given, unready = known.get(person, version), frozenset[UUID](being_read or ())
    if given is not None and (given.head, given.unready) != (head, unready):
        given = replace(given, head=head, unready=unready)
        known.put(person, version, given)
    return given


async def readable_now(
    session: TenantSession, user_id: UUID, document_ids: Several[UUID], known: KnownPermits
) -> dict[UUID, UUID]:
    """Of these documents those that are ready and open, each with the grant that `Permit.rule` names."""
    values = {"ids": list(document_ids), "person": user_id}
    found = [tuple(row) for row in await session.execute(FOUND, values)]
    rules = readable_by_known(found, (session.tenant_id, user_id), known)
    if rules is None:
        homes = {document: home for document, home, _ in found}
        on_them = or_(
            and_(Grant.resource_type == "document", Grant.resource_id.in_(homes)),
            and_(Grant.resource_type == "collection", Grant.resource_id.in_(set(homes.values()))),
        )
        given = await _worked_out(session, and_(held_by(await principals_of(session, user_id)), on_them))
        rules = _rules(given, found)
    return rules


def readable_by_known(found: Rows, person: Person, known: KnownPermits) -> dict[UUID, UUID] | None:
    """What `readable_now` comes to by the rows of FOUND; None where the grants have to be asked."""
    if not found:
        return {}
    given = known.get(person, found[0][2])
    return None if given is None else _rules(given, found)


def _rules(given: Permit, found: Rows) -> dict[UUID, UUID]:
    rules = {document: given.rule(document, home) for document, home, _ in found}
    return {document: rule for document, rule in rules.items() if rule is not None}


async def matching_documents(
    session: TenantSession, readable: ColumnElement[bool], where: DocumentFilter
) -> frozenset[UUID]:
    """Ready documents that the filter lets through, among those that `readable` does.

    Raises FilterTooWideError when they are more than MOST_MATCHING.
    """
    query = select(Document.id).where(Document.status == "ready", readable)
    if where.media_types is not None:
        query = query.where(Document.media_type.in_(where.media_types))
    if where.languages is not None:
        query = query.where(Document.language.in_(where.languages))
    if where.sources is not None:
        query = query.where(Document.source.in_(where.sources))
    if where.since is not None:
        query = query.where(Document.dated >= where.since)
    if where.until is not None:
        query = query.where(Document.dated <= where.until)
    few = query.limit(MOST_MATCHING + 1).subquery()
    joined = await session.scalar(select(func.string_agg(func.uuid_send(few.c.id), b"")))
    if joined is None:
        return frozenset()
    if len(joined) > MOST_MATCHING * _UUID_BYTES:
        raise FilterTooWideError(
            f"The filter lets more than {MOST_MATCHING:,} documents through. Narrow it, or leave it out."
        )
    return await asyncio.to_thread(_ids, bytes(joined))


def _ids(joined: bytes) -> frozenset[UUID]:
    """Of ids one behind the other, as bytes: making them in the driver would hold up every other request."""
    return frozenset(
        UUID(bytes=joined[start : start + _UUID_BYTES]) for start in range(0, len(joined), _UUID_BYTES)
    )


async def _worked_out(session: TenantSession, which: ColumnElement[bool]) -> Permit:
    """What those grants come to."""
    oldest = (
        select(Grant.resource_type, Grant.effect, Grant.resource_id, Grant.id)
        .ext(distinct_on(Grant.resource_type, Grant.effect, Grant.resource_id))
        .where(which, Grant.resource_type.in_(("collection", "document")))
        .order_by(Grant.resource_type, Grant.effect, Grant.resource_id, Grant.id)
        .subquery()
    )
    kind, effect = oldest.c.resource_type, oldest.c.effect
    query = select(kind, effect, func.array_agg(oldest.c.resource_id), func.array_agg(oldest.c.id)).group_by(
        kind, effect
    )
    found: dict[tuple[str, str], dict[UUID, UUID]] = {}
    for resource_type, what, resources, grants in await session.execute(query):
        found[resource_type, what] = dict(zip(resources, grants, strict=True))
    return Permit(
        collections=found.get(("collection", "allow"), {}),
        documents=found.get(("document", "allow"), {}),
        closed_collections=frozenset(found.get(("collection", "deny"), ())),
        closed_documents=frozenset(found.get(("document", "deny"), ())),
    )
