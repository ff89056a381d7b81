"""A chunk log in memory: for evaluation, tests and tools. The platform's log stands in PostgreSQL."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from uuid import UUID

from secretariat.retrieval.core import Chunk, Tombstone


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
