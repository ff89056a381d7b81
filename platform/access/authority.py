"""The live authority over documents: grants open and close collections and single documents.

A document may be read when a grant allows one of the reader's principals on it or on its collection, and no
grant denies one of them on either. A grant that goes is gone for the next question.
"""

from collections.abc import Collection as Several
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from secretariat.platform.access.permit import (
    FOUND,
    STATE,
    held_by,
    matching_documents,
    permit,
    readable_by_known,
    readable_now,
    remembered,
)
from secretariat.platform.access.repository import principals_of
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.documents import Collection, Document
from secretariat.retrieval.core import DocumentFilter, Permit, Scope


def collection_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Collection, for queries over collections."""
    on_it = and_(Grant.resource_type == "collection", Grant.resource_id == Collection.id)
    return _open(on_it, Collection.tenant_id, principals)


async def readable_collections(
    session: TenantSession, principals: frozenset[str], ids: Several[UUID]
) -> set[UUID]:
    """Those of the ids that grants open; a collection that was deleted has no grants."""
    query = select(Collection.id).where(Collection.id.in_(ids), collection_readable(principals))
    return set(await session.scalars(query))


def document_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Document, for queries over documents; says nothing of their status."""
    return _open(_on_document(), Document.tenant_id, principals)


def documents_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """The same condition for queries over all documents: asks the grants once, not once a document."""

    def granted(effect: str) -> ColumnElement[bool]:
        on = {
            kind: select(Grant.resource_id).where(
                held_by(principals), Grant.resource_type == kind, Grant.effect == effect
            )
            for kind in ("document", "collection")
        }
        return or_(Document.id.in_(on["document"]), Document.collection_id.in_(on["collection"]))

    return and_(granted("allow"), ~granted("deny"))


def _on_document() -> ColumnElement[bool]:
    """Grants on the document at hand or on its collection."""
    return or_(
        and_(Grant.resource_type == "document", Grant.resource_id == Document.id),
        and_(Grant.resource_type == "collection", Grant.resource_id == Document.collection_id),
    )


def _open(
    on_it: ColumnElement[bool], tenant_id: InstrumentedAttribute[UUID], principals: frozenset[str]
) -> ColumnElement[bool]:
    mine = and_(Grant.tenant_id == tenant_id, held_by(principals), on_it)
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


class PersonAuthority:
    """retrieval.core.Authority over what one person may read at the moment of each question.

    Groups and roles count as they are now, not as they were when the scope was made: the scope's principals
    aren't asked for. Who may not sign in any more reads nothing, nor does who holds no role that reads documents.
    """

    def __init__(self, database: Database, user_id: UUID, known: KnownPermits | None = None) -> None:
        self._database = database
        self._user_id = user_id
        self._known = KnownPermits() if known is None else known

    async def permit(self, scope: Scope) -> Permit:
        state = await self._database.glance(scope.tenant, STATE, {"person": self._user_id})
        given = remembered(state, (scope.tenant, self._user_id), self._known)
        if given is not None:
            return given
        async with self._database.tenant(scope.tenant) as session:
            return await permit(session, self._user_id, self._known)

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        async with self._database.tenant(scope.tenant) as session:
            principals = await principals_of(session, self._user_id)
            return await matching_documents(session, documents_readable(principals), where)

    async def readable(self, scope: Scope, document_ids: Several[UUID]) -> dict[UUID, UUID]:
        values = {"ids": list(document_ids), "person": self._user_id}
        found = await self._database.glance(scope.tenant, FOUND, values)
        rules = readable_by_known(found, (scope.tenant, self._user_id), self._known)
        if rules is not None:
            return rules
        async with self._database.tenant(scope.tenant) as session:
            return await readable_now(session, self._user_id, document_ids, self._known)
