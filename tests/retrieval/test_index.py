"""Indexes are views over the log: exact, rebuildable, harmless when their files are lost or torn."""

import asyncio
import math
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from cryptography.fernet import Fernet

from secretariat.retrieval.core import Chunk, ChunkLog, Permit, Span, Tombstone
from secretariat.retrieval.errors import IndexBehindError, RetrievalError
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.dense import DenseIndex
from secretariat.retrieval.index.lexical import K1, B, LexicalIndex
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.roster import Roster, Within
from secretariat.retrieval.index.view import IndexView
from tests.retrieval.chunks import COLLECTION, GRANT, TENANT, chunks
from tests.retrieval.embedders import HashingEmbedder
from tests.retrieval.log_conformance import ChunkLogConformance, WritableLog

TOPICS = ("hotel", "invoice", "holiday", "laptop", "visitor", "forklift", "training", "password")

OPEN = Permit(collections={COLLECTION: GRANT})


async def _corpus(count: int, seed: int = 0) -> list[Chunk]:
    choose = random.Random(seed)
    texts = []
    for number in range(count):
        words = [*choose.choices(TOPICS, k=12), f"number{number}"]
        texts.append((f"document {number % 20}", " ".join(words) + "."))
    return await chunks(HashingEmbedder(), texts)


class TestMemoryChunkLog(ChunkLogConformance):
    @pytest.fixture
    def subject(self) -> WritableLog:
        log = MemoryChunkLog()

        async def append(added: Sequence[Chunk]) -> None:
            log.append(added)

        async def remove(ids: Sequence[UUID]) -> None:
            log.remove(ids)

        return WritableLog(log, append, remove)


class TestDense:
    def test_it_is_exact(self) -> None:
        numbers = np.random.default_rng(0)
        matrix = numbers.standard_normal((500, 32)).astype("<f4")
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        index = DenseIndex()
        index.add(range(500), [row.tobytes() for row in matrix])
        mask = numbers.random(500) < 0.3
        expected = sorted(np.flatnonzero(mask), key=lambda row: -float(matrix[row] @ matrix[7]))[:10]
        found = index.search(matrix[7].tobytes(), mask, 10)
        assert [row for row, _ in found] == [int(row) for row in expected]
        assert index.vector(3) == matrix[3].tobytes()

    def test_vectors_of_two_models_are_refused(self) -> None:
        index = DenseIndex()
        index.add([0], [bytes(4 * 8)])
        with pytest.raises(RetrievalError):
            index.add([1], [bytes(4 * 16)])
        with pytest.raises(RetrievalError):
            index.search(bytes(4 * 16), np.ones(1, dtype=np.bool_), 1)


class TestLexical:
    def test_it_is_bm25(self) -> None:
        texts = ["hotel hotel invoice", "invoice laptop", "visitor laptop hotel password", "password"]
        index = LexicalIndex()
        for row, text in enumerate(texts):
            index.add(row, text)
        lengths = [len(text.split()) for text in texts]
        mean = sum(lengths) / len(lengths)

        def score(row: int, term: str) -> float:
            count = texts[row].split().count(term)
            documents = sum(term in text.split() for text in texts)
            idf = math.log(1 + (len(texts) - documents + 0.5) / (documents + 0.5))
            return idf * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[row] / mean))

        found = dict(index.search("hotel laptop", np.ones(4, dtype=np.bool_), 10))
        assert found == pytest.approx({row: score(row, "hotel") + score(row, "laptop") for row in (0, 1, 2)})

    def test_what_may_not_be_seen_moves_no_score(self) -> None:
        small, large = LexicalIndex(), LexicalIndex()
        mask = np.zeros(30, dtype=np.bool_)
        for row in range(30):
            text = " ".join(random.Random(row).choices(TOPICS, k=8))
            large.add(row, text)
            if row % 3 == 0:
                small.add(row // 3, text)
                mask[row] = True
        permitted = [(row // 3, score) for row, score in large.search("hotel visitor", mask, 5)]
        assert permitted == small.search("hotel visitor", np.ones(10, dtype=np.bool_), 5)

    def test_analysis(self) -> None:
        analyzer = Analyzer()
        assert analyzer.terms("The Hotels' bookings") == analyzer.terms("hotel booking")
        assert analyzer.terms("年次休暇") == ["年次", "次休", "休暇"]
        assert analyzer.terms("Gäste FI-02") == ["gäste", "fi", "02"]


async def _ranked(view: IndexView, query: str = "hotel number3") -> list[list[UUID]]:
    vector = HashingEmbedder()._vector(query)
    rankings = await view.rank(query, vector, OPEN, Within(), 10)
    return [
        [rankings.chunks[row].id for row in rankings.dense],
        [rankings.chunks[row].id for row in rankings.lexical],
    ]


class TestView:
    async def test_it_follows_the_log(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await _corpus(30)
        log.append(added[:20])
        assert await view.catch_up() == 20
        log.append(added[20:])
        log.remove([added[3].id])
        assert await view.catch_up() == 31
        assert view.size == 29
        dense, lexical = await _ranked(view)
        assert added[3].id not in dense + lexical
        fresh = IndexView(TENANT, log)
        await fresh.catch_up()
        assert await _ranked(fresh) == [dense, lexical]

    async def test_chunks_keep_their_vectors_bit_for_bit(self) -> None:
        log = MemoryChunkLog()
        added = await _corpus(5)
        log.append(added)
        view = IndexView(TENANT, log)
        await view.catch_up()
        rankings = await view.rank("hotel", added[0].vector, OPEN, Within(), 5)
        assert {chunk.id: chunk.vector for chunk in rankings.chunks.values()} == {
            chunk.id: chunk.vector for chunk in added
        }

    async def test_a_chunk_that_is_put_again_or_removed_twice(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await _corpus(3)
        log.append(added)
        await view.catch_up()
        log.append(added[:1])
        log.remove([added[0].id, added[0].id, uuid4()])
        log.append(added[1:2])
        await view.catch_up()
        assert view.size == 2

    async def test_many_removals_are_compacted_away(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await _corpus(2400)
        log.append(added)
        await view.catch_up()
        log.remove([chunk.id for chunk in added[:2300]])
        await view.catch_up()
        assert view.size == 100
        assert view._next_row < 2400
        few = MemoryChunkLog()
        few.append(added[2300:])
        fresh = IndexView(TENANT, few)
        await fresh.catch_up()
        assert await _ranked(view) == await _ranked(fresh)

    async def test_reading_own_writes(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        seq = log.append(await _corpus(2))
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
        added = await _corpus(3)
        log.append(added)
        view = IndexView(TENANT, log)
        assert await view.catch_up(min_seq=3) == 3
        assert view.size == 0

    async def test_catching_up_and_ranking_at_the_same_time(self) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log)
        added = await _corpus(400)

        async def write() -> None:
            for start in range(0, 400, 20):
                log.append(added[start : start + 20])
                await asyncio.sleep(0)

        await asyncio.gather(
            write(), *[view.catch_up() for _ in range(10)], *[_ranked(view) for _ in range(10)]
        )
        await view.catch_up()
        assert view.size == 400


class TestSnapshot:
    @pytest.fixture
    def cipher(self) -> Fernet:
        return Fernet(Fernet.generate_key())

    async def _saved(self, directory: Path, cipher: Fernet) -> tuple[MemoryChunkLog, IndexView]:
        log = MemoryChunkLog()
        added = await _corpus(25)
        log.append(added)
        log.remove([added[0].id])
        view = IndexView(TENANT, log, directory, seal=cipher.encrypt, unseal=cipher.decrypt)
        await view.catch_up()
        await view.save()
        return log, view

    async def _reopened(self, log: ChunkLog, directory: Path, cipher: Fernet) -> IndexView:
        view = IndexView(TENANT, log, directory, seal=cipher.encrypt, unseal=cipher.decrypt)
        await view.catch_up()
        return view

    async def test_a_start_reads_the_snapshot_and_only_the_tail(self, tmp_path: Path, cipher: Fernet) -> None:
        log, saved = await self._saved(tmp_path, cipher)
        asked: list[int] = []

        class Watched(MemoryChunkLog):
            async def head(self) -> int:
                return await log.head()

            async def tail(self, after: int) -> AsyncIterator[Chunk | Tombstone]:
                asked.append(after)
                async for entry in log.tail(after):
                    yield entry

        log.append(await _corpus(3, seed=9))
        await saved.catch_up()
        view = await self._reopened(Watched(), tmp_path, cipher)
        assert asked == [26]
        assert view.seq == 29
        assert await _ranked(view) == await _ranked(saved)

    async def test_words_never_lie_in_the_open(self, tmp_path: Path, cipher: Fernet) -> None:
        await self._saved(tmp_path, cipher)
        (file,) = tmp_path.iterdir()
        for word in (*TOPICS, "document 1", "number3"):
            assert word.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0

    def test_a_directory_without_a_seal_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="seal"):
            IndexView(TENANT, MemoryChunkLog(), tmp_path)

    @pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign key", "foreign tenant"])
    async def test_a_damaged_snapshot_is_rebuilt_from_the_log(
        self, tmp_path: Path, cipher: Fernet, damage: str
    ) -> None:
        log, saved = await self._saved(tmp_path, cipher)
        (file,) = tmp_path.iterdir()
        data = bytearray(file.read_bytes())
        if damage == "flip":
            data[len(data) // 2] ^= 1
        elif damage == "cut":
            data = data[: len(data) // 2]
        elif damage == "empty":
            data = bytearray()
        file.write_bytes(data)
        if damage == "foreign key":
            cipher = Fernet(Fernet.generate_key())
        if damage == "foreign tenant":
            other = uuid4()
            file.rename(tmp_path / f"{other}.index")
            view = IndexView(other, log, tmp_path, seal=cipher.encrypt, unseal=cipher.decrypt)
            await view.catch_up()
        else:
            view = await self._reopened(log, tmp_path, cipher)
        assert view.seq == 26
        assert await _ranked(view) == await _ranked(saved)

    async def test_a_crash_before_the_rename_harms_nothing(
        self, tmp_path: Path, cipher: Fernet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log, saved = await self._saved(tmp_path, cipher)
        (file,) = tmp_path.iterdir()
        before = file.read_bytes()
        log.append(await _corpus(3, seed=9))
        await saved.catch_up()

        class PowerCut(BaseException):
            pass

        def fail(*_arguments: object) -> None:
            raise PowerCut

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(PowerCut):
                saved._save()
        abandoned, at_work = (tmp_path / f".{file.name}.{name}" for name in ("abandoned", "at-work"))
        for path, age in ((abandoned, 7200), (at_work, 1)):
            path.write_bytes(before[:100])
            os.utime(path, (time.time() - age,) * 2)
        assert file.read_bytes() == before
        view = await self._reopened(log, tmp_path, cipher)
        assert view.seq == 29
        await view.save()
        assert {entry.name for entry in tmp_path.iterdir()} == {file.name, at_work.name}

    async def test_what_is_gone_from_the_log_is_gone_from_memory_and_disk(
        self, tmp_path: Path, cipher: Fernet
    ) -> None:
        log = MemoryChunkLog()
        chunk, *rest = await _corpus(3)
        secret = replace(chunk, text="the zanzibar clause")
        log.append([secret, *rest])
        at_work, elsewhere = [await self._reopened(log, tmp_path, cipher) for _ in range(2)]
        await at_work.save()
        log.remove([secret.id])
        await elsewhere.catch_up()
        assert not list(tmp_path.iterdir())
        await at_work.save()  # from before the removal
        await at_work.catch_up()
        assert not list(tmp_path.iterdir())
        for view in (at_work, elsewhere):
            assert "zanzibar" not in str([*view._lexical._postings, *view._chunk_of.values()])
        assert (await _ranked(at_work)) == (await _ranked(await self._reopened(log, tmp_path, cipher)))

    async def test_a_view_that_grew_saves_itself(self, tmp_path: Path, cipher: Fernet) -> None:
        log = MemoryChunkLog()
        view = IndexView(TENANT, log, tmp_path, seal=cipher.encrypt, unseal=cipher.decrypt, snapshot_every=10)
        log.append(await _corpus(9))
        await view.catch_up()
        assert not list(tmp_path.iterdir())
        log.append(await _corpus(9, seed=1))
        await view.catch_up()
        assert len(list(tmp_path.iterdir())) == 1


class TestRoster:
    """Against the rule in one line for each document, whatever came and went."""

    @pytest.mark.parametrize("seed", range(20))
    def test_reach_is_the_rule(self, seed: int) -> None:
        choose = random.Random(seed)
        homes = {uuid4(): uuid4() for _ in range(3)} | {uuid4(): uuid4() for _ in range(3)}
        collections = list(homes.values())
        homes |= {uuid4(): choose.choice(collections) for _ in range(20)}
        roster, rows = Roster(), dict[int, UUID]()
        for row in range(0, 120, 2):  # a gap after each row: numbers are not used again
            document = choose.choice(list(homes))
            roster.add(row, [_placed(document, homes[document])])
            rows[row] = document
        for row in choose.sample(sorted(rows), 30):
            roster.remove([row])
            del rows[row]
        for _ in range(20):
            permit = Permit(
                dict.fromkeys(choose.sample(collections, 2), GRANT),
                dict.fromkeys(choose.sample(list(homes), 5), GRANT),
                frozenset(choose.sample(collections, 1)),
                frozenset(choose.sample(list(homes), 2)),
                counts_all=choose.random() < 0.5,
            )
            asked = frozenset(choose.sample(collections, 3)) if choose.random() < 0.5 else None
            only = frozenset(choose.sample(list(homes), 9)) if choose.random() < 0.5 else None
            reach = roster.reach(permit, Within(asked, only))
            about = {d for d in rows.values() if asked is None or homes[d] in asked}
            open_ = {d for d in about if permit.rule(d, homes[d])}
            reached = {d for d in open_ if only is None or d in only}
            assert {row for row, flag in enumerate(reach.mask) if flag} == {
                row for row, document in rows.items() if document in reached
            }
            counted = {
                d
                for d in about
                if asked is None
                or permit.counts_all
                or homes[d] in permit.collections.keys() - permit.closed_collections
            }
            assert (reach.allowed, reach.denied) == (len(reached), len(counted - open_))


def _placed(document: UUID, collection: UUID) -> Chunk:
    return Chunk(uuid4(), collection, document, "title", 0, Span(0, 0), "", (), "", b"", 1)
