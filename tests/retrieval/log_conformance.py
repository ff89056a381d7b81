"""What every ChunkLog promises, as tests that each implementation subclasses."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from secretariat.retrieval.core import Chunk, ChunkLog, Tombstone
from tests.retrieval.chunks import chunks
from tests.retrieval.embedders import HashingEmbedder


@dataclass(frozen=True)
class WritableLog:
    """An empty log and how its implementation is written to."""

    log: ChunkLog
    append: Callable[[Sequence[Chunk]], Awaitable[None]]
    remove: Callable[[Sequence[UUID]], Awaitable[None]]


class ChunkLogConformance:
    """Subclasses give the fixture `subject`: a WritableLog."""

    async def test_an_empty_log_is_at_zero(self, subject: WritableLog) -> None:
        assert await subject.log.head() == 0
        assert [entry async for entry in subject.log.tail(0)] == []

    async def test_entries_come_in_order_and_only_once(self, subject: WritableLog) -> None:
        added = await _chunks(7)
        await subject.append(added[:3])
        await subject.append(added[3:])
        before = [entry.seq async for entry in subject.log.tail(0)]
        assert len(before) == 7
        assert before == sorted({*before})
        assert await subject.log.head() == before[-1]
        assert [entry.seq async for entry in subject.log.tail(before[3])] == before[4:]

    async def test_a_removal_comes_after_everything_before_it(self, subject: WritableLog) -> None:
        added = await _chunks(3)
        await subject.append(added)
        head = await subject.log.head()
        await subject.remove([added[0].id])
        assert [entry async for entry in subject.log.tail(head)] == [
            Tombstone(added[0].id, await subject.log.head())
        ]
        assert await subject.log.head() > head

    async def test_chunks_come_back_as_they_went_in(self, subject: WritableLog) -> None:
        added = await _chunks(3)
        await subject.append(added)
        assert [replace(entry, seq=0) async for entry in subject.log.tail(0)] == added


async def _chunks(count: int) -> list[Chunk]:
    return await chunks(HashingEmbedder(), [("document", f"text number {number}") for number in range(count)])
