"""One tenant's searchable view of its chunk log: a snapshot, the log's tail replayed, nothing else.

Safe to share between tasks and threads. Searches read the newest generation without a lock; one writer at a
time makes the next.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from uuid import UUID

from secretariat.retrieval.core import Chunk, ChunkLog, Permit, Tombstone
from secretariat.retrieval.errors import IndexBehindError
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.approximate import Approximate
from secretariat.retrieval.index.generation import EXACT_REACH, Generation, Rankings, rostered
from secretariat.retrieval.index.roster import Reach, Roster, Within
from secretariat.retrieval.index.snapshot import Seal, SnapshotFiles, SnapshotRegister, Stored, Unseal

__all__ = ["IndexView", "Rankings"]

EXACT_BELOW = 50_000
"""Chunks from which a view learns where to look, for searches that have most of them in reach."""
_BATCH = 2_000
_COMPACT_FROM, _COMPACT_SHARE = 2_000, 0.5
_log = logging.getLogger(__name__)


class IndexView:
    """Chunks get consecutive row numbers in order of seq; a row that is gone stays empty until compaction."""

    def __init__(
        self,
        tenant: UUID,
        log: ChunkLog,
        directory: Path | None = None,
        *,
        register: SnapshotRegister | None = None,
        seal: Seal | None = None,
        unseal: Unseal | None = None,
        snapshot_every: int = 5_000,
        exact_below: int = EXACT_BELOW,
        exact_reach: int = EXACT_REACH,
        compact_from: int = _COMPACT_FROM,
        executor: Executor | None = None,
    ) -> None:
        """With a directory, snapshots are kept there; `register`, `seal` and `unseal` are then required.

        Loads are shared out between the executor's threads.
        """
        self.tenant = tenant
        self._log = log
        self._files: SnapshotFiles | None = None
        if directory is not None:
            if seal is None or unseal is None or register is None:
                raise ValueError("a snapshot holds words: it needs seal and unseal, and a register")
            self._files = SnapshotFiles(directory, tenant, seal, unseal)
        self._register = register
        self._snapshot_every = snapshot_every
        self._exact_below = exact_below
        self._compact_from = compact_from
        self._executor = executor
        self._writing = threading.Lock()
        self._following = asyncio.Lock()
        self._keeping = threading.Lock()
        self._learning: threading.Thread | None = None
        self._numbering = 0
        self._gone_seq = 0
        self._loaded = False
        self._row_of: dict[bytes, int] = {}
        self._now = Generation(0, (), Roster(), Analyzer(), exact_reach=exact_reach)

    @property
    def seq(self) -> int:
        """Every entry of the log up to this one is in the view."""
        return self._now.seq

    @property
    def size(self) -> int:
        return self._now.size

    @property
    def exact(self) -> bool:
        """Whether every search is a scan of all that is in reach."""
        return self._now.approximate is None

    def chunks(self) -> Iterator[Chunk]:
        """All that are in the view now, in order of seq, whole."""
        for block in self._now.blocks:
            for row, _ in block.ids():
                yield block.chunk(row)

    async def catch_up(self, min_seq: int = 0, head: int | None = None) -> int:
        """Replays what the log has beyond the view; returns `seq`. Of several at a time one does it, the others
        wait.

        `head` is the log's, from who has just asked for it. Raises IndexBehindError when the log itself has not
        reached `min_seq`.
        """
        if not self._loaded:
            async with self._following:
                await self._load()
            self._learn()
        seen = self.seq
        if head is None:
            head = await self._log.head()
        if head < seen and (head := await self._log.head()) < seen:
            # It was put back to an earlier state: the numbers from there on will mean other chunks.
            await self.start_over()
        if head > self.seq:
            async with self._following:
                fell_behind = head > self.seq
                if fell_behind:
                    await self._replay(head)
            if fell_behind:
                await self._keep_snapshots()
        if self.seq < min_seq:
            raise IndexBehindError(f"The index is at {self.seq}, the search asked for {min_seq}.")
        return self.seq

    async def save(self) -> None:
        """Writes a snapshot now, in the place of earlier ones. Without a directory: nothing to do."""
        if self._files is None or self._register is None:
            return
        now = self._now
        record = await asyncio.to_thread(self._files.write, now.seq, now.blocks, now.approximate)
        await self._register.add(record)
        await self._drop(record.seq, but=record.id)
        await asyncio.to_thread(self._files.mend, now.blocks)

    async def start_over(self) -> None:
        """Forget everything, and believe no snapshot: the log is replayed from its beginning."""
        async with self._following:
            with self._writing:
                self._publish(self._now.next(seq=0, blocks=(), roster=Roster(), approximate=None))
                self._loaded = True

    async def reach(self, permit: Permit, within: Within) -> Reach:
        """How many documents a search would rank, and how many are denied."""
        return await asyncio.to_thread(self._now.roster.reach, permit, within)

    async def rank(self, query: str, vector: bytes, permit: Permit, within: Within, pool: int) -> Rankings:
        """The best `pool` chunks by either measure, out of the chunks in reach alone."""
        return await asyncio.to_thread(self._now.rank, query, vector, permit, within, pool)

    def around(self, chunk: Chunk, count: int) -> list[Chunk]:
        """The chunk's neighbours in its document, up to `count` on either side, and itself, in order.

        Whoever may read the chunk may read them: what may be read is a matter of whole documents.
        """
        return self._now.around(chunk, count)

    def settle(self) -> None:
        """Waits until the view has learnt what it is learning in the background."""
        if self._learning is not None:
            self._learning.join()

    async def _replay(self, head: int) -> None:
        batch: list[Chunk | Tombstone] = []
        async for entry in self._log.tail(self.seq):
            batch.append(entry)
            if len(batch) >= _BATCH:
                await asyncio.to_thread(self._apply, batch, 0)
                batch = []
        await asyncio.to_thread(self._apply, batch, head)
        self._learn()

    def _apply(self, entries: Sequence[Chunk | Tombstone], head: int) -> None:
        with self._writing:
            fresh = [entry for entry in entries if entry.seq > self.seq]
            added: dict[UUID, Chunk] = {}
            gone: list[UUID] = []
            for entry in fresh:
                if isinstance(entry, Chunk):
                    added[entry.id] = entry
                else:
                    added.pop(entry.id, None)
                    gone.append(entry.id)
                    self._gone_seq = max(self._gone_seq, entry.seq)
            replaced = dict.fromkeys(chunk_id.bytes for chunk_id in (*gone, *added))
            rows = {key: self._row_of[key] for key in replaced if key in self._row_of}
            first = self._now.rows
            seq = max(self.seq, head, *(entry.seq for entry in fresh), 0)
            self._now = self._now.changed(sorted(rows.values()), list(added.values()), seq)
            for key in rows:
                del self._row_of[key]
            self._row_of.update((chunk_id.bytes, first + place) for place, chunk_id in enumerate(added))
            if self._now.rows > self._compact_from and self.size < _COMPACT_SHARE * self._now.rows:
                self._publish(self._now.closed_up())

    def _publish(self, generation: Generation) -> None:
        """One whose rows have other numbers than those of the generation before it."""
        self._now = generation
        self._numbering += 1
        self._row_of = {
            key: first + row
            for block, first in zip(generation.blocks, generation.firsts, strict=True)
            for row, key in block.ids()
        }

    def _learn(self) -> None:
        """Learn in the background where to look, once the view is large and when it has changed much."""
        now = self._now
        if now.size < self._exact_below or (self._learning is not None and self._learning.is_alive()):
            return
        if now.has_outgrown_what_was_learnt:
            self._learning = threading.Thread(target=self._learn_from, args=(now,), daemon=True)
            self._learning.start()

    def _learn_from(self, now: Generation) -> None:
        numbering, near = self._numbering, now.approximate
        vectors = [block.vectors for block in now.blocks]
        try:
            if near is None or now.size > 2 * near.shape.trained_on:
                near = Approximate.built(vectors, now.live)
            else:
                near = near.extended(vectors, now.live)
        except Exception:  # noqa: BLE001 - an exact scan serves every search
            _log.exception("the index goes on without learning where to look")
            return
        with self._writing:
            if self._numbering == numbering:
                self._now = self._now.next(approximate=near)

    async def _load(self) -> None:
        if self._loaded:
            return
        found = await self._stored()
        with self._writing:
            if found is not None:
                kept, roster, near = found
                blocks = kept.blocks
                self._publish(self._now.next(seq=kept.seq, blocks=blocks, roster=roster, approximate=near))
            self._loaded = True

    async def _stored(self) -> tuple[Stored, Roster, Approximate | None] | None:
        """From the newest snapshot that can be read."""
        if self._files is None or self._register is None:
            return None
        for record in await self._register.known():
            stored = await asyncio.to_thread(self._files.read, record, self._executor)
            if stored is not None:
                return await asyncio.to_thread(_restored, stored)
        return None

    async def _keep_snapshots(self) -> None:
        """Save what is due, and let no snapshot outlive a chunk that it holds.

        A large view is saved anew, which rewrites the blocks that lost something; a small one is soon
        replayed, so its snapshot just goes.
        """
        if self._files is None or self._register is None or not self._keeping.acquire(blocking=False):
            return
        try:
            while True:
                seqs = [record.seq for record in await self._register.known()]
                newest = max((seq for seq in seqs if seq >= self._gone_seq), default=0)
                stale = any(seq < self._gone_seq for seq in seqs)
                if self.seq - newest >= self._snapshot_every or (stale and self.size >= self._snapshot_every):
                    await self.save()
                elif stale:
                    await self._drop(self._gone_seq - 1)
                else:
                    return
        except OSError as error:
            _log.warning("index snapshots can't be written (%s)", type(error).__name__)
        finally:
            self._keeping.release()

    async def _drop(self, seq: int, but: UUID | None = None) -> None:
        """The snapshots up to a number of the log, but for one, are no more."""
        assert self._files is not None
        assert self._register is not None
        known = await self._register.known()
        old = [record for record in known if record.seq <= seq and record.id != but]
        await self._register.remove([record.id for record in old])
        await asyncio.to_thread(self._files.drop, old, [record for record in known if record not in old])


def _restored(stored: Stored) -> tuple[Stored, Roster, Approximate | None]:
    near = None
    if stored.shape is not None:
        rows = len(stored.shape.lists)
        vectors = [block.vectors for block in stored.blocks]
        assert rows <= sum(map(len, vectors))
        near = Approximate(stored.shape, vectors)
    return stored, rostered(stored.blocks), near
