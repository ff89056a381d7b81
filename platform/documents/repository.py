"""The queries of collections, documents and their chunks."""

from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal, or_, select, true, tuple_, update

from secretariat.platform.access.authority import collection_readable, document_readable, documents_readable
from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes.repository import take_numbers
from secretariat.platform.kit.times import now
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.contents import BlobPiece
from secretariat.platform.tables.documents import ChunkRow, Collection, Document, IndexSnapshot
from secretariat.platform.tables.jobs import Job

Principals = frozenset[str]
Lock = Literal["share", "update"]
Sort = Literal["newest", "oldest", "name", "dated", "size", "updated"]
Counts = dict[str, list[tuple[str | None, int]]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which documents a list is about, and in what order. `words` stand in name or title."""

    collection_id: UUID | None = None
    status: str | None = None
    media_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    words: str | None = None
    sort: Sort = "newest"


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
    session: TenantSession, principals: Principals, wanted: Listing, *, limit: int, after: UUID | None
) -> list[Document]:
    query = _living(principals).where(*_conditions(wanted)).limit(limit)
    key, descending = _SORTS[wanted.sort]
    order = [Document.id] if key is None else [key, Document.id]
    query = query.order_by(*(column.desc() if descending else column for column in order))
    if after is not None:
        place = tuple_(*order)
        start = select(*order).where(Document.id == after, document_readable(principals)).scalar_subquery()
        query = query.where(place < start if descending else place > start)
    return list(await session.scalars(query))


# Documents without a date come last. A name that differs in case alone stands beside its like.
_SORTS: Mapping[Sort, tuple[ColumnElement[Any] | None, bool]] = {
    "newest": (None, True),
    "oldest": (None, False),
    "name": (func.lower(Document.name), False),
    "dated": (func.coalesce(Document.dated, date.min), True),
    "size": (Document.size.expression, True),
    "updated": (Document.updated_at.expression, True),
}


def _conditions(wanted: Listing) -> list[ColumnElement[bool]]:
    sets = (
        (Document.media_type, wanted.media_types),
        (Document.language, wanted.languages),
        (Document.source, wanted.sources),
    )
    conditions: list[ColumnElement[bool]] = [column.in_(values) for column, values in sets if values]
    if wanted.collection_id is not None:
        conditions.append(Document.collection_id == wanted.collection_id)
    if wanted.status is not None:
        conditions.append(Document.status == wanted.status)
    if wanted.since is not None:
        conditions.append(Document.dated >= wanted.since)
    if wanted.until is not None:
        conditions.append(Document.dated <= wanted.until)
    if wanted.words is not None:
        said = (Document.name, Document.title)
        conditions.append(or_(*(column.icontains(wanted.words, autoescape=True) for column in said)))
    return conditions


async def facets(session: TenantSession, principals: Principals, collection_id: UUID | None) -> Counts:
    """Of living documents that the principals may read: values and counts, most frequent first."""
    columns = (Document.status, Document.media_type, Document.language, Document.source)
    which = func.grouping(*columns)
    query = (
        select(which, *columns, func.count())
        .where(Document.status != "deleted", documents_readable(principals))
        .group_by(func.grouping_sets(*(tuple_(column) for column in columns)))
    )
    if collection_id is not None:
        query = query.where(Document.collection_id == collection_id)
    counts: Counts = {column.key: [] for column in columns}
    last = len(columns) - 1
    for bits, *values, count in await session.execute(query):
        place = next(place for place in range(len(columns)) if not bits >> (last - place) & 1)
        counts[columns[place].key].append((values[place], count))
    for found in counts.values():
        found.sort(key=lambda one: (-one[1], one[0] or ""))
    return counts


async def layout_ids(
    session: TenantSession, principals: Principals, document_ids: Several[UUID]
) -> dict[UUID, UUID]:
    """The layouts of those documents that may be read and have one."""
    query = select(Document.id, Document.layout_id).where(
        Document.id.in_(document_ids), Document.layout_id.is_not(None), document_readable(principals)
    )
    return {row[0]: row[1] for row in await session.execute(query) if row[1] is not None}


async def renumber_chunks(session: TenantSession, document_id: UUID) -> int | None:
    """Have the log tell of a document's chunks again; the last number, None without chunks."""
    living = (ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None))
    count = await session.scalar(select(func.count()).select_from(ChunkRow).where(*living)) or 0
    if count == 0:
        return None
    first = await take_numbers(session, count)
    again = select(
        ChunkRow.id,
        (func.row_number().over(order_by=ChunkRow.ordinal) - 1 + literal(first)).label("seq"),
    ).where(*living)
    numbered = again.cte("numbered")
    await session.execute(
        update(ChunkRow)
        .where(ChunkRow.id == numbered.c.id)
        .values(seq=numbered.c.seq)
        .execution_options(synchronize_session=False)
    )
    return first + count - 1


async def jobs(session: TenantSession, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    rows = await session.scalars(select(Job).where(Job.id.in_(job_ids)))
    return {row.id: row for row in rows}


async def recorded(
    session: TenantSession, action: str, document_id: UUID, after: UUID, before: UUID
) -> dict[str, Any] | None:
    """The details of the last record of that kind about the document, among ids between the two."""
    return await session.scalar(
        select(AuditRecord.details)
        .where(
            AuditRecord.event_type == "DATA_INGEST",
            AuditRecord.id.between(after, before),
            AuditRecord.action == action,
            AuditRecord.resource["id"].astext == str(document_id),
        )
        .order_by(AuditRecord.id.desc())
        .limit(1)
    )


async def signatures(session: TenantSession, document_id: UUID) -> list[int]:
    """Of its chunks that are long enough to have one."""
    query = select(ChunkRow.signature).where(
        ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None), ChunkRow.signature.is_not(None)
    )
    return [signature for signature in await session.scalars(query) if signature is not None]


async def signatures_elsewhere(
    session: TenantSession, principals: Principals, document_id: UUID
) -> dict[UUID, list[int]]:
    """Those of every other ready document that the principals may read."""
    query = (
        select(ChunkRow.document_id, func.array_agg(ChunkRow.signature))
        .join(Document, Document.id == ChunkRow.document_id)
        .where(
            Document.status == "ready",
            Document.id != document_id,
            documents_readable(principals),
            ChunkRow.tombstone_seq.is_(None),
            ChunkRow.signature.is_not(None),
        )
        .group_by(ChunkRow.document_id)
    )
    return {row[0]: [one for one in row[1] if one is not None] for row in await session.execute(query)}


async def titles(session: TenantSession, document_ids: Sequence[UUID]) -> dict[UUID, str]:
    query = select(Document.id, func.coalesce(Document.title, Document.name)).where(
        Document.id.in_(document_ids)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def chunks(
    session: TenantSession,
    document_id: UUID,
    *,
    limit: int,
    after: UUID | None,
    start: int | None = None,
    end: int | None = None,
) -> list[ChunkRow]:
    """In the order of the text; `after` names the chunk before the first. Only those that touch start..end."""
    query = (
        select(ChunkRow)
        .where(ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None))
        .order_by(ChunkRow.ordinal)
        .limit(limit)
    )
    if after is not None:
        before = select(ChunkRow.ordinal).where(ChunkRow.id == after, ChunkRow.document_id == document_id)
        query = query.where(ChunkRow.ordinal > before.scalar_subquery())
    if start is not None:
        query = query.where(ChunkRow.end > start)
    if end is not None:
        query = query.where(ChunkRow.start < end)
    return list(await session.scalars(query))


async def status_counts(session: TenantSession) -> list[tuple[str, int]]:
    """Of all documents of the tenant, whoever may read them."""
    query = select(Document.status, func.count()).group_by(Document.status)
    return [(row[0], row[1]) for row in await session.execute(query)]


async def chunk_count(session: TenantSession) -> int:
    query = select(func.count()).select_from(ChunkRow).where(ChunkRow.tombstone_seq.is_(None))
    return await session.scalar(query) or 0


async def dimensions(session: TenantSession) -> int | None:
    """Of the vector that was written last; a float32 has four bytes."""
    query = (
        select(func.octet_length(ChunkRow.vector) // 4)
        .where(ChunkRow.tombstone_seq.is_(None))
        .order_by(ChunkRow.seq.desc())
        .limit(1)
    )
    return await session.scalar(query)


async def one_at_a_time(session: TenantSession, what: str) -> None:
    """Whoever comes here second waits for the first to commit."""
    name = f"{session.tenant_id}:{what}"
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def job_under_way(session: TenantSession, kind: str) -> UUID | None:
    query = select(Job.id).where(Job.kind == kind, Job.status.in_(("queued", "running"))).limit(1)
    return await session.scalar(query)


async def snapshot_times(session: TenantSession, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    query = select(IndexSnapshot.id, IndexSnapshot.created_at).where(IndexSnapshot.id.in_(ids))
    return {row[0]: row[1] for row in await session.execute(query)}


async def forget_original(session: TenantSession, document: Document) -> None:
    """Remove the bytes; their size and hash stay at the document."""
    await session.execute(delete(BlobPiece).where(BlobPiece.blob_id == document.blob_id))


def touch(document: Document, status: str) -> None:
    document.status, document.updated_at = status, now()
