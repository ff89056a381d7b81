"""A chunk log and a register of snapshots in memory: for evaluation, tests and tools.

The platform's stand in PostgreSQL.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from secretariat.retrieval.core import Chunk, Tombstone
from secretariat.retrieval.index.snapshot import SnapshotRecord


class MemoryChunkLog:
    """A ChunkLog that numbers entries as they come, and can be written to."""

    def __init__(self) -> None:
        self._entries: list[Chunk | Tombstone] = []

    def append(self, chunks: Iterable[Chunk]) -> int:
        """The sequence number of the last entry; those that the chunks carry are replaced."""
        for chunk in chunks:
            self._entries.append(replace(chunk, seq=len(self._entries) + 1))
        return len(self._entries)

    def remove(self, ids: Iterable[UUID]) -> int:
        for chunk_id in ids:
            self._entries.append(Tombstone(chunk_id, len(self._entries) + 1))
        return len(self._entries)

    async def head(self) -> int:
        return len(self._entries)

    async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
        for entry in self._entries[after:]:
            yield entry


class MemorySnapshotRegister:
    """A SnapshotRegister that lasts as long as the process."""

    def __init__(self) -> None:
        self._records: list[SnapshotRecord] = []

    async def known(self) -> Sequence[SnapshotRecord]:
        return sorted(self._records, key=lambda record: -record.seq)

    async def add(self, record: SnapshotRecord) -> None:
        self._records.append(record)

    async def remove(self, ids: Sequence[UUID]) -> None:
        self._records = [record for record in self._records if record.id not in ids]
