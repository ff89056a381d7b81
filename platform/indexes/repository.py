"""The queries of the chunk log. Sequence numbers are given under the row lock of the tenant's head.

The lock lasts until the commit, so commits happen in the order of the numbers: who has seen n has seen
everything below it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Result,
    Uuid,
    delete,
    false,
    func,
    literal,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.documents import ChunkHead, ChunkRow, Document

_CHUNKS = ChunkRow.metadata.tables[ChunkRow.__tablename__]  # without mapped objects, which take as long again


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log: chunk `id` was written, or is `gone`, at `seq`."""

    id: UUID
    seq: int
    gone: bool


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A row of a document, as far as another reading of the document may differ from it."""

    key: str
    ordinal: int
    start: int
    end: int
    page: int | None
    fingerprint: str
    content_id: UUID | None
    tombstone_seq: int | None


class WrittenChunk(NamedTuple):
    """A row with its document's title, or its name where it has none."""

    id: UUID
    collection_id: UUID
    document_id: UUID
    title: str
    content_id: UUID | None
    ordinal: int
    start: int
    end: int
    page: int | None
    vector: bytes
    seq: int
    signature: int | None


async def head(session: TenantSession) -> int:
    return await session.scalar(select(ChunkHead.seq)) or 0


async def take_numbers(session: TenantSession, count: int) -> int:
    """Reserve `count` numbers; the answer is the first. Holds the head's lock until the commit."""
    last = await session.scalar(
        insert(ChunkHead)
        .values(tenant_id=session.tenant_id, seq=count)
        .on_conflict_do_update(index_elements=[ChunkHead.tenant_id], set_={"seq": ChunkHead.seq + count})
        .returning(ChunkHead.seq)
    )
    assert isinstance(last, int)
    return last - count + 1


async def write_chunks(session: TenantSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of ChunkRow, or put them in the place of those of the same id, whose tombstones go."""
    if not rows:
        return
    made = insert(_CHUNKS)
    changed = {name: made.excluded[name] for name in rows[0] if name not in {"tenant_id", "id"}}
    await session.execute(
        made.on_conflict_do_update(
            index_elements=[_CHUNKS.c.tenant_id, _CHUNKS.c.id], set_=changed | {"tombstone_seq": None}
        ),
        rows,
    )


async def stored_chunks(session: TenantSession, document_id: UUID) -> dict[UUID, StoredChunk]:
    """All that a document ever had, by id."""
    query = select(
        ChunkRow.id,
        ChunkRow.key,
        ChunkRow.ordinal,
        ChunkRow.start,
        ChunkRow.end,
        ChunkRow.page,
        ChunkRow.fingerprint,
        ChunkRow.content_id,
        ChunkRow.tombstone_seq,
    ).where(ChunkRow.document_id == document_id)
    return {row[0]: StoredChunk(*row[1:]) for row in await session.execute(query)}


async def vectors(session: TenantSession, document_id: UUID) -> dict[str, bytes]:
    """Of a document's living chunks, by key."""
    query = select(ChunkRow.key, ChunkRow.vector).where(
        ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None), ChunkRow.key != ""
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def entries(session: TenantSession, after: int, limit: int) -> list[Entry]:
    """Living chunks and tombstones above `after`, in order, in one snapshot."""
    written = select(ChunkRow.id, ChunkRow.seq.label("at"), false().label("gone")).where(
        ChunkRow.tombstone_seq.is_(None), ChunkRow.seq > after
    )
    gone = select(ChunkRow.id, ChunkRow.tombstone_seq.label("at"), true().label("gone")).where(
        ChunkRow.tombstone_seq > after
    )
    rows: Result[UUID, int, bool] = await session.execute(
        union_all(written, gone).order_by(text("at")).limit(limit)
    )
    return [Entry(*row) for row in rows]


async def chunks(session: TenantSession, ids: Sequence[UUID]) -> list[WrittenChunk]:
    query = (
        select(
            ChunkRow.id,
            ChunkRow.collection_id,
            ChunkRow.document_id,
            func.coalesce(Document.title, Document.name),
            ChunkRow.content_id,
            ChunkRow.ordinal,
            ChunkRow.start,
            ChunkRow.end,
            ChunkRow.page,
            ChunkRow.vector,
            ChunkRow.seq,
            ChunkRow.signature,
        )
        .join(Document, (Document.tenant_id == ChunkRow.tenant_id) & (Document.id == ChunkRow.document_id))
        .where(ChunkRow.id == func.any(literal(list(ids), ARRAY(Uuid))))
    )
    return [WrittenChunk._make(row) for row in await session.execute(query)]


async def living(session: TenantSession, document_id: UUID) -> list[UUID]:
    query = select(ChunkRow.id).where(ChunkRow.document_id == document_id, ChunkRow.tombstone_seq.is_(None))
    return list(await session.scalars(query))


async def bury(session: TenantSession, ids: Sequence[UUID], first_seq: int) -> list[UUID]:
    """Give living chunks their tombstones and strip them of words and vectors.

    The answer is the contents that nothing refers to any more.
    """
    going = (
        select(
            ChunkRow.id,
            ChunkRow.content_id,
            (func.row_number().over(order_by=ChunkRow.ordinal) - 1 + literal(first_seq)).label("gone_at"),
        )
        .where(ChunkRow.id == func.any(literal(list(ids), ARRAY(Uuid))))
        .cte("going")
    )
    rows = await session.execute(
        update(ChunkRow)
        .where(ChunkRow.id == going.c.id)
        .values(tombstone_seq=going.c.gone_at, content_id=None, vector=b"", signature=None)
        .returning(going.c.content_id)
        .execution_options(synchronize_session=False)
    )
    return [content_id for (content_id,) in rows if content_id is not None]


async def readable_text(session: TenantSession, document_id: UUID) -> tuple[str, UUID] | None:
    """Title and text content of a document that is ready."""
    query = select(func.coalesce(Document.title, Document.name), Document.text_id).where(
        Document.id == document_id, Document.status == "ready"
    )
    found = (await session.execute(query)).one_or_none()
    if found is None or found[1] is None:
        return None
    return found[0], found[1]


async def forget(session: TenantSession, content_ids: Sequence[UUID]) -> None:
    """Remove words for good. Commitments elsewhere stay, and can't be matched any more."""
    for start in range(0, len(content_ids), 1000):
        await session.execute(delete(Content).where(Content.id.in_(content_ids[start : start + 1000])))
