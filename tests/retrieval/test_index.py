"""Indexes are views over the log: exact, rebuildable, harmless when their files are lost or torn."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from secretariat.retrieval.core import Chunk, Permit, Tombstone
from secretariat.retrieval.errors import IndexBehindError, RetrievalError
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView, Rankings
from tests.retrieval.chunks import COLLECTION, GRANT, TENANT, corpus, ranked
from tests.retrieval.log_conformance import ChunkLogConformance, WritableLog


class TestMemoryChunkLog(ChunkLogConformance):
    @pytest.fixture
    def subject(self) -> WritableLog:
        log = MemoryChunkLog()

        async def append(added: Sequence[Chunk]) -> None:
            log.append(added)

        async def remove(ids: Sequence[UUID]) -> None:
            log.remove(ids)

        return WritableLog(log, append, remove)


class TestView:
    async def test_it_follows_the_log(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await corpus(30)
        log.append(added[:20])
        assert await view.catch_up() == 20
        log.append(added[20:])
        log.remove([added[3].id])
        assert await view.catch_up() == 31
        assert view.size == 29
        dense, lexical = await ranked(view)
        assert added[3].id not in [chunk_id for chunk_id, _ in dense + lexical]
        fresh = IndexView(TENANT, log)
        await fresh.catch_up()
        assert await ranked(fresh) == [dense, lexical]

    async def test_chunks_keep_their_vectors_bit_for_bit(self) -> None:
        log = MemoryChunkLog()
        added = await corpus(5)
        log.append(added)
        view = IndexView(TENANT, log)
        await view.catch_up()
        permit = Permit(collections={COLLECTION: GRANT})
        rankings = await view.rank("hotel", added[0].vector, permit, Within(), 5)
        assert {chunk.id: chunk.vector for chunk in rankings.chunks.values()} == {
            chunk.id: chunk.vector for chunk in added
        }

    async def test_a_chunk_that_is_put_again_or_removed_twice(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await corpus(3)
        log.append(added)
        await view.catch_up()
        log.append(added[:1])
        log.remove([added[0].id, added[0].id, uuid4()])
        log.append(added[1:2])
        await view.catch_up()
        assert view.size == 2

    async def test_many_removals_are_compacted_away(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log, compact_from=300)
        added = await corpus(600)
        log.append(added)
        await view.catch_up()
        log.remove([chunk.id for chunk in added[:500]])
        await view.catch_up()
        assert view.size == 100
        assert view._now.rows == 100
        few = MemoryChunkLog()
        few.append(added[500:])
        fresh = IndexView(TENANT, few)
        await fresh.catch_up()
        assert await ranked(view) == await ranked(fresh)

    async def test_reading_own_writes(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        seq = log.append(await corpus(2))
        assert await view.catch_up(min_seq=seq) >= seq
        with pytest.raises(IndexBehindError):
            await view.catch_up(min_seq=seq + 1)

    async def test_entries_that_are_forgotten_don_t_hold_the_view_back(self) -> None:
        class Forgetful(MemoryChunkLog):
            async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
                async for entry in super().tail(after):
                    if isinstance(entry, Tombstone):
                        yield entry

        log = Forgetful()
        added = await corpus(3)
        log.append(added)
        view = IndexView(TENANT, log)
        assert await view.catch_up(min_seq=3) == 3
        assert view.size == 0

    async def test_catching_up_and_ranking_at_the_same_time(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await corpus(400)

        async def write() -> None:
            for start in range(0, 400, 20):
                log.append(added[start : start + 20])
                await asyncio.sleep(0)

        await asyncio.gather(
            write(), *[view.catch_up() for _ in range(10)], *[ranked(view) for _ in range(10)]
        )
        await view.catch_up()
        assert view.size == 400

    async def test_of_those_that_come_at_once_one_reads_the_log_and_the_others_wait(self) -> None:
        class Counted(MemoryChunkLog):
            read = 0

            async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
                async for entry in super().tail(after):
                    await asyncio.sleep(0)
                    self.read += 1
                    yield entry

        log = Counted()
        view = IndexView(TENANT, log)
        added = await corpus(20)
        for part in (added[:12], added[12:]):
            log.append(part)
            assert await asyncio.gather(*(view.catch_up() for _ in range(8))) == [await log.head()] * 8
        assert (log.read, view.size) == (20, 20)

    async def test_a_log_that_was_put_back_to_an_earlier_state_is_believed(self) -> None:
        """As after a restore, or a failover that lost the last commits."""
        log, added = MemoryChunkLog(), await corpus(30)
        log.append(added[:20])
        view = IndexView(TENANT, log)
        await view.catch_up()
        log._entries = log._entries[:10]
        assert await view.catch_up() == 10
        log.append(added[20:])
        await view.catch_up()
        assert {chunk.id for chunk in view.chunks()} == {chunk.id for chunk in (*added[:10], *added[20:])}

    async def test_vectors_of_two_models_are_refused(self) -> None:
        log = MemoryChunkLog()
        one, other = await corpus(2)
        log.append([one])
        view = IndexView(TENANT, log)
        await view.catch_up()
        log.append([replace(other, vector=other.vector * 2)])
        with pytest.raises(RetrievalError):
            await view.catch_up()
        assert await ranked(view)

    async def test_searches_see_one_state_while_the_view_is_written(self) -> None:
        """Every chunk names the seq at which it came; what is found is whole and from one moment."""
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await corpus(1_000)
        log.append(added[:400])
        await view.catch_up()
        before = await ranked(view)

        async def write() -> None:
            for start in range(400, 1_000, 50):
                log.append(added[start : start + 50])
                log.remove([chunk.id for chunk in added[start - 400 : start - 390]])
                await view.catch_up()

        writing = asyncio.create_task(write())
        known = {chunk.id: chunk.text for chunk in added}
        permit = Permit(collections={COLLECTION: GRANT})
        while not writing.done():
            rankings = await view.rank("hotel number3", added[5].vector, permit, Within(), 50)
            assert all(known[chunk.id] == chunk.text for chunk in rankings.chunks.values())
        await writing
        assert await ranked(view) != before


class TestLargeView:
    """With the thresholds of a large view lowered."""

    async def _view(self, log: MemoryChunkLog) -> IndexView:
        view = IndexView(TENANT, log, exact_below=500, exact_reach=50, compact_from=800)
        await view.catch_up()
        view.settle()
        return view

    async def test_it_learns_where_to_look_and_finds_the_same(self) -> None:
        log, few = MemoryChunkLog(), MemoryChunkLog()
        added = await corpus(1_200)
        log.append(added)
        few.append(added)
        view, exact = await self._view(log), IndexView(TENANT, few)
        await exact.catch_up()
        assert not view.exact
        assert exact.exact
        for number in (3, 700, 1_100):
            query = f"hotel number{number}"
            near, true = await ranked(view, query), await ranked(exact, query)
            assert near[1] == true[1]
            assert len({*near[0]} & {*true[0]}) >= 9
            assert all(pair in true[0] for pair in near[0] if pair[0] in dict(true[0]))

    async def test_what_comes_and_goes_afterwards_is_seen_at_once(self) -> None:
        log = MemoryChunkLog()
        added = await corpus(1_000)
        log.append(added[:900])
        view = await self._view(log)
        log.append(added[900:])
        log.remove([chunk.id for chunk in added[:50]])
        await view.catch_up()
        found = {chunk_id for chunk_id, _ in (await ranked(view, f"number950 {added[950].text}"))[0]}
        assert added[950].id in found
        gone = {chunk.id for chunk in added[:50]}
        for settled in (False, True):
            if settled:
                view.settle()
            assert not {chunk_id for chunk_id, _ in (await ranked(view, added[7].text))[0]} & gone
        assert not view.exact
        log.remove([chunk.id for chunk in added[50:600]])
        await view.catch_up()
        view.settle()
        assert view.exact
        assert {chunk_id for chunk_id, _ in (await ranked(view))[0]} <= {chunk.id for chunk in added[600:]}

    @pytest.mark.parametrize("documents", [1, 2, 20])
    async def test_a_filter_gives_what_an_index_of_the_permitted_alone_gives(self, documents: int) -> None:
        """A tenth or less of what is there is scanned exactly; of everything the nearest are found."""
        log, few = MemoryChunkLog(), MemoryChunkLog()
        added = await corpus(1_200)
        permitted = {added[number].document_id for number in range(documents)}
        log.append(added)
        few.append([chunk for chunk in added if chunk.document_id in permitted])
        view = IndexView(TENANT, log, exact_below=500, exact_reach=150)
        alone = IndexView(TENANT, few)
        for one in (view, alone):
            await one.catch_up()
            one.settle()
        assert (view.exact, alone.exact) == (False, True)
        permit, hits = Permit(documents=dict.fromkeys(permitted, GRANT)), 0
        for chunk in added[::60]:
            found, true = [
                await one.rank(chunk.text, chunk.vector, permit, Within(), 10) for one in (view, alone)
            ]
            assert _scores(found, found.lexical, found.bm25) == _scores(true, true.lexical, true.bm25)
            near, nearest = [_scores(one, one.dense, one.cosines) for one in (found, true)]
            if documents < 20:
                assert near == nearest
            hits += len(near & nearest)
        assert hits >= 0.95 * 10 * len(added[::60])

    async def test_searches_go_on_while_it_learns(self) -> None:
        log = MemoryChunkLog()
        added = await corpus(1_500)
        log.append(added)
        view = IndexView(TENANT, log, exact_below=500, exact_reach=50)
        await view.catch_up()
        permit = Permit(collections={COLLECTION: GRANT})
        for _ in range(10_000):
            learnt = not view.exact
            found = await view.rank("", added[700].vector, permit, Within(), 10)
            assert found.chunks[found.dense[0]].id == added[700].id
            if learnt:
                break
        assert learnt


def _scores(found: Rankings, rows: Sequence[int], scores: Mapping[int, float]) -> set[tuple[UUID, float]]:
    return {(found.chunks[row].id, scores[row]) for row in rows}
