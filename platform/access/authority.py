"""The live authority over documents: grants open and close collections and single documents.

A document may be read when a grant allows one of the reader's principals on it or on its collection, and no
grant denies one of them on either. Nothing is cached: a grant that goes is gone for the next query.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from secretariat.platform.access.caller import EVERYONE
from secretariat.platform.access.repository import active_standing
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.tables.access import Grant
from secretariat.platform.tables.documents import Collection, Document
from secretariat.retrieval.core import Scope


def collection_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Collection, for queries over collections."""
    on_it = and_(Grant.resource_type == "collection", Grant.resource_id == Collection.id)
    return _open(on_it, Collection.tenant_id, principals)


def document_readable(principals: frozenset[str]) -> ColumnElement[bool]:
    """A condition on Document, for queries over documents; says nothing of their status."""
    on_it = or_(
        and_(Grant.resource_type == "document", Grant.resource_id == Document.id),
        and_(Grant.resource_type == "collection", Grant.resource_id == Document.collection_id),
    )
    return _open(on_it, Document.tenant_id, principals)


def _open(
    on_it: ColumnElement[bool], tenant_id: InstrumentedAttribute[UUID], principals: frozenset[str]
) -> ColumnElement[bool]:
    mine = and_(Grant.tenant_id == tenant_id, Grant.principal.in_(principals | {EVERYONE}), on_it)
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


async def readable_documents(
    session: TenantSession,
    principals: frozenset[str],
    collection_ids: frozenset[UUID] | None,
    *,
    counts_all: bool = False,
) -> tuple[frozenset[UUID], int]:
    """Ids of the ready documents that may be read now, and how many ready ones may not.

    Out of collections that are asked for by id, those that may not be read count nothing, unless
    `counts_all`: the number would tell what is in one collection.
    """
    ready = select(Document.id).where(Document.status == "ready")
    counted = ready
    if collection_ids is not None:
        ready = ready.where(Document.collection_id.in_(collection_ids))
        open_ = select(Collection.id).where(
            Collection.id.in_(collection_ids), collection_readable(principals)
        )
        counted = ready if counts_all else ready.where(Document.collection_id.in_(open_))
    readable = frozenset(await session.scalars(ready.where(document_readable(principals))))
    others = counted.where(~document_readable(principals))
    return readable, await session.scalar(select(func.count()).select_from(others.subquery())) or 0


class PersonAuthority:
    """retrieval.core.Authority over what one person may read at the moment of each question.

    For work that outlasts a request: groups and roles count as they are now, not as they were when the scope
    was made, and who may not sign in any more reads nothing.
    """

    def __init__(self, database: Database, user_id: UUID) -> None:
        self._database = database
        self._user_id = user_id

    async def readable_documents(
        self, scope: Scope, collection_ids: frozenset[UUID] | None
    ) -> tuple[frozenset[UUID], int]:
        async with self._database.tenant(scope.tenant) as session:
            now = await active_standing(session, self._user_id)
            if now is None:
                return frozenset(), 0
            return await readable_documents(
                session,
                now.principals(self._user_id),
                collection_ids,
                counts_all="collections.manage" in now.permissions,
            )


class GrantAuthority:
    """retrieval.core.Authority over the grants of the scope's tenant; `counts_all` for who manages collections."""

    def __init__(self, database: Database, *, counts_all: bool = False) -> None:
        self._database = database
        self._counts_all = counts_all

    async def readable_documents(
        self, scope: Scope, collection_ids: frozenset[UUID] | None
    ) -> tuple[frozenset[UUID], int]:
        async with self._database.tenant(scope.tenant) as session:
            return await readable_documents(
                session, scope.principals, collection_ids, counts_all=self._counts_all
            )
