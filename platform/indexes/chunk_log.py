"""The chunk log of one tenant over PostgreSQL: what the indexes are views of.

Writing happens in the caller's transaction; reading opens a short one for each batch.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import orjson

from secretariat.platform.contents.store import JSON, ContentStore
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes import repository
from secretariat.platform.indexes.repository import Entry
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.documents import ChunkRow, Document
from secretariat.retrieval.core import Chunk, ChunkDraft, Span, Tombstone

BATCH = 500


class SqlChunkLog:
    """Implements retrieval.core.ChunkLog.

    A chunk that is gone appears as its tombstone alone: its words may be forgotten by then.
    """

    def __init__(self, database: Database, contents: ContentStore, tenant_id: UUID) -> None:
        self._database = database
        self._contents = contents
        self._tenant_id = tenant_id

    async def head(self) -> int:
        async with self._database.tenant(self._tenant_id) as session:
            return await repository.head(session)

    async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
        while True:
            async with self._database.tenant(self._tenant_id) as session:
                entries = await repository.entries(session, after, BATCH)
                batch = await self._read(session, entries)
            for item in batch:
                yield item
            if len(entries) < BATCH:
                return
            after = entries[-1].seq

    async def _read(self, session: TenantSession, entries: Sequence[Entry]) -> list[Chunk | Tombstone]:
        rows = await repository.chunks(session, [entry.id for entry in entries if not entry.gone])
        words = await self._contents.get_many(
            session, [row.content_id for row, _ in rows if row.content_id is not None]
        )
        living = {
            row.id: _chunk(row, title, words[row.content_id])
            for row, title in rows
            if row.content_id is not None and row.content_id in words
        }
        return [
            Tombstone(entry.id, entry.seq) if entry.gone else living[entry.id]
            for entry in entries
            if entry.gone or entry.id in living
        ]


async def append_chunks(
    session: TenantSession,
    contents: ContentStore,
    document: Document,
    chunks: Sequence[tuple[ChunkDraft, bytes]],
) -> int:
    """Write chunks with their unit-length float32 vectors; the answer is the log's new head."""
    if not chunks:
        return await repository.head(session)
    words = await contents.put_many(
        session,
        [orjson.dumps({"text": draft.text, "heading_path": draft.heading_path}) for draft, _ in chunks],
        JSON,
    )
    fingerprint = await contents.fingerprint(session)
    first = await repository.take_numbers(session, len(chunks))
    rows = [
        ChunkRow(
            tenant_id=session.tenant_id,
            id=new_id(),
            collection_id=document.collection_id,
            document_id=document.id,
            content_id=stored.id,
            ordinal=draft.ordinal,
            start=draft.span.start,
            end=draft.span.end,
            page=draft.page,
            fingerprint=fingerprint(draft.text),
            vector=vector,
            seq=seq,
        )
        for seq, (draft, vector), stored in zip(range(first, first + len(chunks)), chunks, words, strict=True)
    ]
    await repository.insert_chunks(session, rows)
    return first + len(chunks) - 1


async def tombstone_document(session: TenantSession, document_id: UUID) -> int:
    """Take a document's chunks out of the log and forget their words; the number of chunks."""
    living = await repository.count_living(session, document_id)
    if living == 0:
        return 0
    first = await repository.take_numbers(session, living)
    words = await repository.bury(session, document_id, first)
    await repository.forget(session, words)
    return len(words)


def _chunk(row: ChunkRow, title: str, words: bytes) -> Chunk:
    spoken = orjson.loads(words)
    return Chunk(
        id=row.id,
        collection_id=row.collection_id,
        document_id=row.document_id,
        document_title=title,
        ordinal=row.ordinal,
        span=Span(row.start, row.end),
        text=spoken["text"],
        heading_path=tuple(spoken["heading_path"]),
        sha256=hashlib.sha256(spoken["text"].encode()).hexdigest(),
        vector=row.vector,
        seq=row.seq,
        page=row.page,
    )
