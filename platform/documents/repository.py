"""The queries of collections, documents and their chunks."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, true

from secretariat.platform.access.authority import collection_readable, document_readable
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.times import now
from secretariat.platform.tables.contents import BlobPiece
from secretariat.platform.tables.documents import ChunkRow, Collection, Document
from secretariat.platform.tables.jobs import Job

Principals = frozenset[str]
Lock = Literal["share", "update"]


async def add(session: TenantSession, row: Document) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


def _visible(principals: Principals | None) -> ColumnElement[bool]:
    """None: all of them, for those who manage collections."""
    open_ = true() if principals is None else collection_readable(principals)
    return and_(Collection.deleted_at.is_(None), open_)


async def collection(
    session: TenantSession, collection_id: UUID, principals: Principals | None, *, lock: Lock | None = None
) -> Collection | None:
    """With a lock: `share` keeps it from being deleted, `update` keeps documents from being added."""
    query = select(Collection).where(Collection.id == collection_id, _visible(principals))
    if lock is not None:
        query = query.with_for_update(read=lock == "share", of=Collection)
    return await session.scalar(query.execution_options(populate_existing=True))


async def collections(
    session: TenantSession, principals: Principals | None, *, limit: int, after: UUID | None
) -> list[Collection]:
    query = select(Collection).where(_visible(principals)).order_by(Collection.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Collection.id < after)
    return list(await session.scalars(query))


async def document_counts(
    session: TenantSession, collection_ids: Sequence[UUID], principals: Principals | None
) -> dict[UUID, int]:
    """How many living documents of each collection the principals may read; None counts all."""
    query = (
        select(Document.collection_id, func.count())
        .where(Document.collection_id.in_(collection_ids), Document.status != "deleted")
        .group_by(Document.collection_id)
    )
    if principals is not None:
        query = query.where(document_readable(principals))
    rows = await session.execute(query)
    return {row[0]: row[1] for row in rows}


def _living(principals: Principals | None) -> Select[Document]:
    query = select(Document).where(Document.status != "deleted")
    return query if principals is None else query.where(document_readable(principals))


async def document(
    session: TenantSession, document_id: UUID, principals: Principals | None
) -> Document | None:
    return await session.scalar(_living(principals).where(Document.id == document_id))


async def locked_document(session: TenantSession, document_id: UUID) -> Document | None:
    query = select(Document).where(Document.id == document_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def documents(
    session: TenantSession,
    principals: Principals,
    *,
    limit: int,
    after: UUID | None,
    collection_id: UUID | None,
    status: str | None,
) -> list[Document]:
    query = _living(principals).order_by(Document.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Document.id < after)
    if collection_id is not None:
        query = query.where(Document.collection_id == collection_id)
    if status is not None:
        query = query.where(Document.status == status)
    return list(await session.scalars(query))


async def jobs(session: TenantSession, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    rows = await session.scalars(select(Job).where(Job.id.in_(job_ids)))
    return {row.id: row for row in rows}


async def chunks(
    session: TenantSession, document_id: UUID, *, limit: int, after: UUID | None
) -> list[ChunkRow]:
    """In the order of the text; `after` names the chunk before the first."""
    query = (
        select(ChunkRow)
        .where(ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None))
        .order_by(ChunkRow.ordinal)
        .limit(limit)
    )
    if after is not None:
        before = select(ChunkRow.ordinal).where(ChunkRow.id == after, ChunkRow.document_id == document_id)
        query = query.where(ChunkRow.ordinal > before.scalar_subquery())
    return list(await session.scalars(query))


async def forget_original(session: TenantSession, document: Document) -> None:
    """Remove the bytes; their size and hash stay at the document."""
    await session.execute(delete(BlobPiece).where(BlobPiece.blob_id == document.blob_id))


def touch(document: Document, status: str) -> None:
    document.status, document.updated_at = status, now()
