"""The live authority over documents: grants open and close collections and single documents.

A document may be read when a grant allows one of the reader's principals on it or on its collection, and no
grant denies one of them on either. Nothing is cached: a grant that goes is gone for the next query.
"""

from collections.abc import Collection as Several
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.access.repository import Standing, active_standing
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.documents import Collection, Document
from secretariat.retrieval.core import DocumentFilter, Permit, Scope

READ_DOCUMENTS = "documents.read"


def collection_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Collection, for queries over collections."""
    on_it = and_(Grant.resource_type == "collection", Grant.resource_id == Collection.id)
    return _open(on_it, Collection.tenant_id, principals)


def document_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Document, for queries over documents; says nothing of their status."""
    return _open(_on_document(), Document.tenant_id, principals)


def documents_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """The same condition for queries over all documents: asks the grants once, not once a document."""

    def granted(effect: str) -> ColumnElement[bool]:
        on = {
            kind: select(Grant.resource_id).where(
                _mine(principals), Grant.resource_type == kind, Grant.effect == effect
            )
            for kind in ("document", "collection")
        }
        return or_(Document.id.in_(on["document"]), Document.collection_id.in_(on["collection"]))

    return and_(granted("allow"), ~granted("deny"))


def _mine(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Grant; one array however many there are, so that the statement stays the same."""
    return Grant.principal == any_(literal(sorted(principals | {EVERYONE}), ARRAY(Text)))


def _on_document() -> ColumnElement[bool]:
    """Grants on the document at hand or on its collection."""
    return or_(
        and_(Grant.resource_type == "document", Grant.resource_id == Document.id),
        and_(Grant.resource_type == "collection", Grant.resource_id == Document.collection_id),
    )


def _open(
    on_it: ColumnElement[bool], tenant_id: InstrumentedAttribute[UUID], principals: frozenset[str]
) -> ColumnElement[bool]:
    mine = and_(Grant.tenant_id == tenant_id, _mine(principals), on_it)
    allowed = exists().where(mine, Grant.effect == "allow")
    denied = exists().where(mine, Grant.effect == "deny")
    return and_(allowed, ~denied)


async def may_read_document(session: TenantSession, principals: frozenset[str], document_id: UUID) -> bool:
    """Whether it exists and may be read, whatever its status."""
    query = select(Document.id).where(Document.id == document_id, document_readable(principals))
    return await session.scalar(query) is not None


async def may_read_collection(
    session: TenantSession, principals: frozenset[str], collection_id: UUID
) -> bool:
    query = select(Collection.id).where(Collection.id == collection_id, collection_readable(principals))
    return await session.scalar(query) is not None


async def permit(session: TenantSession, principals: frozenset[str], *, counts_all: bool = False) -> Permit:
    """What all grants to these principals come to. Of several that open the same, the oldest is named."""
    return await _permit(session, _mine(principals), counts_all=counts_all)


async def _permit(session: TenantSession, which: ColumnElement[bool], *, counts_all: bool = False) -> Permit:
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
        counts_all=counts_all,
    )


async def matching_documents(session: TenantSession, where: DocumentFilter) -> frozenset[UUID]:
    """Ready documents that the filter lets through, readable or not."""
    query = select(Document.id).where(Document.status == "ready")
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
    return frozenset(await session.scalars(query))


async def readable_now(
    session: TenantSession, principals: frozenset[str], document_ids: Several[UUID]
) -> dict[UUID, UUID]:
    """Of these documents those that are ready and open, each with the grant that `Permit.rule` names."""
    query = select(Document.id, Document.collection_id).where(
        Document.id.in_(document_ids), Document.status == "ready"
    )
    homes = {row[0]: row[1] for row in await session.execute(query)}
    on_them = or_(
        and_(Grant.resource_type == "document", Grant.resource_id.in_(homes)),
        and_(Grant.resource_type == "collection", Grant.resource_id.in_(set(homes.values()))),
    )
    given = await _permit(session, and_(_mine(principals), on_them))
    rules = {document: given.rule(document, home) for document, home in homes.items()}
    return {document: rule for document, rule in rules.items() if rule is not None}


class PersonAuthority:
    """retrieval.core.Authority over what one person may read at the moment of each question.

    For work that outlasts a request: groups and roles count as they are now, not as they were when the scope
    was made. Who may not sign in any more reads nothing, nor does who holds no role that reads documents.
    """

    def __init__(self, database: Database, user_id: UUID) -> None:
        self._database = database
        self._user_id = user_id

    async def permit(self, scope: Scope) -> Permit:
        async with self._database.tenant(scope.tenant) as session:
            now = await self._standing(session)
            if now is None:
                return Permit()
            counts_all = "collections.manage" in now.permissions
            return await permit(session, now.principals(self._user_id), counts_all=counts_all)

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        async with self._database.tenant(scope.tenant) as session:
            return await matching_documents(session, where)

    async def readable(self, scope: Scope, document_ids: Several[UUID]) -> dict[UUID, UUID]:
        async with self._database.tenant(scope.tenant) as session:
            now = await self._standing(session)
            if now is None:
                return {}
            return await readable_now(session, now.principals(self._user_id), document_ids)

    async def _standing(self, session: TenantSession) -> Standing | None:
        now = await active_standing(session, self._user_id)
        return now if now is not None and READ_DOCUMENTS in now.permissions else None


class GrantAuthority:
    """retrieval.core.Authority over the grants of the scope's tenant; `counts_all` for who manages collections."""

    def __init__(self, database: Database, *, counts_all: bool = False) -> None:
        self._database = database
        self._counts_all = counts_all

    async def permit(self, scope: Scope) -> Permit:
        async with self._database.tenant(scope.tenant) as session:
            return await permit(session, scope.principals, counts_all=self._counts_all)

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        async with self._database.tenant(scope.tenant) as session:
            return await matching_documents(session, where)

    async def readable(self, scope: Scope, document_ids: Several[UUID]) -> dict[UUID, UUID]:
        async with self._database.tenant(scope.tenant) as session:
            return await readable_now(session, scope.principals, document_ids)
