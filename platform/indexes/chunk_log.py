"""The chunk log of one tenant over PostgreSQL: what the indexes are views of.

Writing happens in the caller's transaction; reading opens a short one for each batch.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson

from secretariat.platform.contents.store import JSON, ContentStore
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes import repository
from secretariat.platform.indexes.repository import Entry, StoredChunk, WrittenChunk
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.documents import Document
from secretariat.retrieval.core import Chunk, ChunkDraft, Span, Tombstone

BATCH = 500
_ON = ":"  # between what a chunk says and what its vector was made on


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
            session, [row.content_id for row in rows if row.content_id is not None]
        )
        numbers = {entry.id: entry.seq for entry in entries}
        living = {  # one that was written again meanwhile comes at its new number
            row.id: _chunk(row, words[row.content_id])
            for row in rows
            if row.content_id is not None and row.content_id in words and row.seq == numbers[row.id]
        }
        return [
            Tombstone(entry.id, entry.seq) if entry.gone else living[entry.id]
            for entry in entries
            if entry.gone or entry.id in living
        ]


@dataclass(frozen=True, slots=True)
class Change:
    """What another reading of a document did to its chunks; `seq` is the log's head afterwards.

    `moved` ones say what they said, at another place of the text or under another title or model.
    """

    kept: int
    moved: int
    added: int
    removed: int
    seq: int


async def known_vectors(
    session: TenantSession, contents: ContentStore, document_id: UUID
) -> Callable[[str, str], bytes | None]:
    """The vectors of a document's chunks by ChunkDraft.key and basis, as retrieval.ingest asks for them."""
    vectors = await repository.vectors(session, document_id)
    fingerprint = await contents.fingerprint(session)
    return lambda key, basis: vectors.get(_row_key(fingerprint, key, basis))


async def store_chunks(
    session: TenantSession,
    contents: ContentStore,
    document: Document,
    chunks: Sequence[tuple[ChunkDraft, bytes]],
    *,
    basis: str = "",
    renamed: bool = False,
) -> Change:
    """Make the log say of a document what these chunks say, with their unit-length float32 vectors.

    What is there already stays as it is; `renamed` says that the document has another title than the log knows.
    """
    fingerprint = await contents.fingerprint(session)
    there = await repository.stored_chunks(session, document.id)
    rows = [_row(session, document, draft, vector, basis, fingerprint) for draft, vector in chunks]
    fresh = [
        (row, draft) for row, (draft, _) in zip(rows, chunks, strict=True)
        if renamed or not _same(there.get(row["id"]), row)
    ]  # fmt: skip
    gone = [
        chunk_id
        for chunk_id in there.keys() - {row["id"] for row in rows}
        if there[chunk_id].tombstone_seq is None
    ]
    if not fresh and not gone:
        return Change(len(rows), 0, 0, 0, await repository.head(session))
    stale = await _write_words(session, contents, fresh, there)
    first = await repository.take_numbers(session, len(fresh) + len(gone))
    for seq, (row, _) in enumerate(fresh, first):
        row["seq"] = seq
    await repository.write_chunks(session, [row for row, _ in fresh])
    stale += await repository.bury(session, gone, first + len(fresh)) if gone else []
    await repository.forget(session, stale)
    added = sum(row["id"] not in there or there[row["id"]].tombstone_seq is not None for row, _ in fresh)
    return Change(
        kept=len(rows) - len(fresh),
        moved=len(fresh) - added,
        added=added,
        removed=len(gone),
        seq=first + len(fresh) + len(gone) - 1,
    )


async def _write_words(
    session: TenantSession,
    contents: ContentStore,
    fresh: Sequence[tuple[dict[str, Any], ChunkDraft]],
    there: Mapping[UUID, StoredChunk],
) -> list[UUID]:
    """Give each row its content; the answer is the contents that these took the place of."""
    said = {row["id"]: there[row["id"]] for row, _ in fresh if row["id"] in there}
    unsaid = []
    for row, draft in fresh:
        before = said.get(row["id"])
        if before and before.content_id and before.fingerprint == row["fingerprint"]:
            row["content_id"] = before.content_id
        else:
            unsaid.append((row, draft))
    words = [orjson.dumps({"text": draft.text, "heading_path": draft.heading_path}) for _, draft in unsaid]
    for (row, _), stored in zip(unsaid, await contents.put_many(session, words, JSON), strict=True):
        row["content_id"] = stored.id
    replaced = (said[row["id"]].content_id for row, _ in unsaid if row["id"] in said)
    return [content_id for content_id in replaced if content_id is not None]


def _row(
    session: TenantSession,
    document: Document,
    draft: ChunkDraft,
    vector: bytes,
    basis: str,
    fingerprint: Callable[[str], str],
) -> dict[str, Any]:
    """A row of ChunkRow without its number and its content. Its id and key tell nothing without the tenant's key:
    they stay when the words are forgotten, and nobody may try out what the words were."""
    key = _row_key(fingerprint, draft.key, basis)
    return {
        "tenant_id": session.tenant_id,
        "id": uuid5(document.id, key.partition(_ON)[0]) if draft.key else new_id(),
        "collection_id": document.collection_id,
        "document_id": document.id,
        "ordinal": draft.ordinal,
        "start": draft.span.start,
        "end": draft.span.end,
        "page": draft.page,
        "fingerprint": fingerprint(draft.text),
        "vector": vector,
        "key": key,
        "signature": draft.signature,
    }


def _row_key(fingerprint: Callable[[str], str], key: str, basis: str) -> str:
    return f"{fingerprint(key)}{_ON}{fingerprint(basis)[:16]}" if key else ""


def _same(before: StoredChunk | None, row: Mapping[str, Any]) -> bool:
    return (
        before is not None
        and before.tombstone_seq is None
        and all(
            getattr(before, name) == row[name]
            for name in ("key", "ordinal", "start", "end", "page", "fingerprint")
        )
    )


async def tombstone_document(session: TenantSession, document_id: UUID) -> int:
    """Take a document's chunks out of the log and forget their words; the number of chunks."""
    living = await repository.living(session, document_id)
    if not living:
        return 0
    words = await repository.bury(session, living, await repository.take_numbers(session, len(living)))
    await repository.forget(session, words)
    return len(living)


def _chunk(row: WrittenChunk, words: bytes) -> Chunk:
    spoken = orjson.loads(words)
    return Chunk(
        id=row.id,
        collection_id=row.collection_id,
        document_id=row.document_id,
        document_title=row.title,
        ordinal=row.ordinal,
        span=Span(row.start, row.end),
        text=spoken["text"],
        heading_path=tuple(spoken["heading_path"]),
        sha256=hashlib.sha256(spoken["text"].encode()).hexdigest(),
        vector=row.vector,
        seq=row.seq,
        page=row.page,
        signature=row.signature,
    )
