"""One tenant's searchable view of its chunk log: a snapshot, the log's tail replayed, nothing else.

Safe to share between tasks and threads: what changes the view or reads it holds the view's lock, in a thread.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from secretariat.retrieval.core import Chunk, ChunkLog, Permit, Tombstone
from secretariat.retrieval.errors import IndexBehindError
from secretariat.retrieval.index.dense import DenseIndex
from secretariat.retrieval.index.lexical import LexicalIndex
from secretariat.retrieval.index.roster import Reach, Roster, Within
from secretariat.retrieval.index.snapshot import Seal, SnapshotFile

_BATCH = 2_000
_COMPACT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Rankings:
    """Rows best first, by cosine and by BM25, and the chunks they stand for. Rows mean nothing elsewhere."""

    dense: list[int]
    lexical: list[int]
    chunks: dict[int, Chunk]
    reach: Reach


class IndexView:
    """Chunks get consecutive row numbers in order of seq; a row that is gone stays empty until compaction."""

    def __init__(
        self,
        tenant: UUID,
        log: ChunkLog,
        directory: Path | None = None,
        *,
        seal: Seal | None = None,
        unseal: Seal | None = None,
        snapshot_every: int = 5_000,
    ) -> None:
        """With a directory, snapshots are kept there; `seal` and `unseal` are then required."""
        self.tenant = tenant
        self._log = log
        self._snapshot: SnapshotFile | None = None
        if directory is not None:
            if seal is None or unseal is None:
                raise ValueError("a snapshot holds words: it needs seal and unseal")
            self._snapshot = SnapshotFile(directory / f"{tenant}.index", tenant, seal, unseal)
        self._snapshot_every = snapshot_every
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._seq = 0
        self._saved_seq = 0
        self._loaded = False
        self._clear()

    @property
    def seq(self) -> int:
        """Every entry of the log up to this one is in the view."""
        return self._seq

    @property
    def size(self) -> int:
        return len(self._row_of)

    async def catch_up(self, min_seq: int = 0) -> int:
        """Replays what the log has beyond the view; returns `seq`. Two at a time do no harm.

        Raises IndexBehindError when the log itself has not reached `min_seq`.
        """
        if not self._loaded:
            await asyncio.to_thread(self._load)
        head = await self._log.head()
        if head > self._seq:
            await self._replay(head)
        if self._seq < min_seq:
            raise IndexBehindError(f"The index is at {self._seq}, the search asked for {min_seq}.")
        return self._seq

    async def save(self) -> None:
        """Writes a snapshot now. Without a directory: nothing to do."""
        await asyncio.to_thread(self._save)

    async def reach(self, permit: Permit, within: Within) -> Reach:
        """How many documents a search would rank, and how many are denied."""
        return await asyncio.to_thread(self._reach, permit, within)

    def _reach(self, permit: Permit, within: Within) -> Reach:
        with self._lock:
            return self._roster.reach(permit, within)

    async def rank(self, query: str, vector: bytes, permit: Permit, within: Within, pool: int) -> Rankings:
        """The best `pool` chunks by either measure, out of the chunks in reach alone."""
        return await asyncio.to_thread(self._rank, query, vector, permit, within, pool)

    def _rank(self, query: str, vector: bytes, permit: Permit, within: Within, pool: int) -> Rankings:
        with self._lock:
            reach = self._roster.reach(permit, within)
            dense = [row for row, _ in self._dense.search(vector, reach.mask, pool)]
            lexical = [row for row, _ in self._lexical.search(query, reach.mask, pool)]
            return Rankings(dense, lexical, {row: self._whole(row) for row in {*dense, *lexical}}, reach)

    def _whole(self, row: int) -> Chunk:
        return replace(self._chunk_of[row], vector=self._dense.vector(row))

    async def _replay(self, head: int) -> None:
        batch: list[Chunk | Tombstone] = []
        gone = False
        async for entry in self._log.tail(self._seq):
            batch.append(entry)
            gone = gone or isinstance(entry, Tombstone)
            if len(batch) >= _BATCH:
                await asyncio.to_thread(self._apply, batch, 0)
                batch = []
        await asyncio.to_thread(self._apply, batch, head)
        if self._snapshot and gone:
            await asyncio.to_thread(self._drop_snapshot)
        if self._snapshot and self._seq - self._saved_seq >= self._snapshot_every:
            await asyncio.to_thread(self._save)

    def _apply(self, entries: Sequence[Chunk | Tombstone], head: int) -> None:
        with self._lock:
            fresh = [entry for entry in entries if entry.seq > self._seq]
            added: dict[UUID, Chunk] = {}
            gone: list[UUID] = []
            for entry in fresh:
                if isinstance(entry, Chunk):
                    added[entry.id] = entry
                else:
                    added.pop(entry.id, None)
                    gone.append(entry.id)
            self._drop([chunk_id for chunk_id in dict.fromkeys([*gone, *added]) if chunk_id in self._row_of])
            self._add(list(added.values()))
            self._seq = max(self._seq, head, *(entry.seq for entry in fresh), 0)
            if self._next_row > _BATCH and self.size < _COMPACT_SHARE * self._next_row:
                self._rebuild([self._whole(row) for row in sorted(self._chunk_of)])

    def _add(self, chunks: Sequence[Chunk]) -> None:
        rows = range(self._next_row, self._next_row + len(chunks))
        self._dense.add(rows, [chunk.vector for chunk in chunks])
        for row, chunk in zip(rows, chunks, strict=True):
            headings = " ".join((chunk.document_title, *chunk.heading_path))
            self._lexical.add(row, f"{headings}\n{chunk.text}")
            self._chunk_of[row] = replace(chunk, vector=b"")  # FAISS holds it
            self._row_of[chunk.id] = row
        self._roster.add(self._next_row, chunks)
        self._next_row += len(chunks)

    def _drop(self, ids: Sequence[UUID]) -> None:
        rows = [self._row_of.pop(chunk_id) for chunk_id in ids]
        self._dense.remove(rows)
        self._lexical.remove(rows)
        self._roster.remove(rows)
        for row in rows:
            del self._chunk_of[row]

    def _clear(self) -> None:
        self._dense = DenseIndex()
        self._lexical = LexicalIndex()
        self._chunk_of: dict[int, Chunk] = {}
        self._row_of: dict[UUID, int] = {}
        self._roster = Roster()
        self._next_row = 0

    def _rebuild(self, chunks: Sequence[Chunk]) -> None:
        self._clear()
        self._add(chunks)

    def _load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            found = self._snapshot.read() if self._snapshot else None
            if found:
                self._seq, chunks = found
                self._saved_seq = self._seq
                self._rebuild(chunks)
            self._loaded = True

    def _save(self) -> None:
        if self._snapshot is None:
            return
        with self._saving:
            with self._lock:
                seq, chunks = self._seq, [self._whole(row) for row in sorted(self._chunk_of)]
            self._snapshot.write(seq, chunks)
            self._saved_seq = seq

    def _drop_snapshot(self) -> None:
        """It may hold the words of chunks that are gone. A large log is soon saved anew."""
        assert self._snapshot is not None
        with self._saving:
            self._snapshot.drop()
            self._saved_seq = 0
