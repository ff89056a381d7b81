"""Ranking by vectors and by words, over blocks of rows: exact, and blind to what is out of reach."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.approximate import Approximate
from secretariat.retrieval.index.block import Block
from secretariat.retrieval.index.codes import Codes
from secretariat.retrieval.index.dense import DenseIndex, Mask, Vectors
from secretariat.retrieval.index.lexical import K1, B, LexicalIndex, best_scored, counted
from secretariat.retrieval.index.postings import Postings
from tests.retrieval.chunks import corpus

TOPICS = ("hotel", "invoice", "holiday", "laptop", "visitor", "forklift", "training", "password")


def _vectors(count: int, dimension: int = 32, seed: int = 0) -> Vectors:
    """Unit vectors around some centres, as those of texts are."""
    numbers = np.random.default_rng(seed)
    centres = numbers.standard_normal((40, dimension))
    made = centres[numbers.integers(0, 40, count)] + 0.6 * numbers.standard_normal((count, dimension))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


class TestDense:
    def test_it_is_exact(self) -> None:
        matrix = _vectors(500)
        mask = np.random.default_rng(1).random(500) < 0.3
        expected = sorted(np.flatnonzero(mask), key=lambda row: -float(matrix[row] @ matrix[7]))[:10]
        index = DenseIndex([matrix[:100], matrix[100:101], matrix[101:]])
        found = index.search(matrix[7].tobytes(), np.flatnonzero(mask), 10)
        assert [row for row, _ in found] == [int(row) for row in expected]

    @pytest.mark.parametrize("k", [1, 10, 150])
    def test_scores_are_the_same_bits_wherever_a_row_lies(self, k: int) -> None:
        """Equal rows included: which of them are named must not hang on blocks, codes or hidden rows."""
        matrix = _vectors(20_000)
        matrix[5_000:5_300] = matrix[17]
        mask = np.random.default_rng(1).random(20_000) < 0.6
        rows, query = np.flatnonzero(mask), matrix[17].tobytes()
        alone = DenseIndex([np.ascontiguousarray(matrix[rows])]).search(query, np.arange(rows.size), k)
        expected = [(int(rows[row]), score) for row, score in alone]
        for cuts in ([], [5_100], [1, 2, 9_999, 15_000]):
            blocks = np.split(matrix, cuts)
            codes = partial(list[Codes], [Codes.of(block) for block in blocks])
            for index in (DenseIndex(blocks), DenseIndex(blocks, codes)):
                assert index.search(query, rows, k) == expected

    def test_vectors_of_another_model_are_refused(self) -> None:
        index = DenseIndex([_vectors(3)])
        with pytest.raises(RetrievalError):
            index.search(bytes(4 * 16), np.arange(3), 1)


class TestApproximate:
    @pytest.mark.parametrize("share", [1.0, 0.3, 0.05])
    def test_it_names_what_is_near_and_nothing_out_of_reach(self, share: float) -> None:
        matrix = _vectors(12_000)
        live = np.ones(12_000, dtype=np.bool_)
        live[::7] = False
        near, exact = Approximate.built([matrix[:9_000], matrix[9_000:]], live), DenseIndex([matrix])
        mask = live & (np.random.default_rng(3).random(12_000) < share)
        hits = 0
        for query in _vectors(40, seed=0):
            found = near.candidates(query.tobytes(), mask, 10)
            assert mask[found].all()
            hits += len(
                {row for row, _ in exact.search(query.tobytes(), np.flatnonzero(mask), 10)}
                & set(found.tolist())
            )
        assert hits >= 0.95 * 40 * 10

    def test_what_is_in_reach_may_lie_far_from_the_query(self) -> None:
        matrix = _vectors(8_000)
        near = Approximate.built([matrix], np.ones(8_000, dtype=np.bool_))
        far = np.argsort(matrix @ matrix[0])[:300]
        mask = np.zeros(8_000, dtype=np.bool_)
        mask[far] = True
        found = near.candidates(matrix[0].tobytes(), mask, 10)
        exact = DenseIndex([matrix]).search(matrix[0].tobytes(), np.flatnonzero(mask), 10)
        assert {row for row, _ in exact} <= {*found.tolist()}
        assert near.candidates(matrix[0].tobytes(), np.zeros(8_000, dtype=np.bool_), 10).size == 0

    def test_extended_it_holds_the_new_rows_and_not_those_that_are_gone(self) -> None:
        matrix = _vectors(9_000)
        live = np.ones(6_000, dtype=np.bool_)
        near = Approximate.built([matrix[:6_000]], live)
        live = np.ones(9_000, dtype=np.bool_)
        live[:100] = False
        assert near.holds_what_is_gone(live)
        later = near.extended([matrix[:6_000], matrix[6_000:]], live)
        assert not later.holds_what_is_gone(live)
        assert 8_500 in later.candidates(matrix[8_500].tobytes(), live, 10)
        assert later.candidates(matrix[50].tobytes(), np.ones(9_000, dtype=np.bool_), 10).min() >= 100


def _lexical(*blocks: Sequence[str]) -> LexicalIndex:
    analyzer = Analyzer()
    return LexicalIndex(
        [Postings.of([counted(analyzer, text) for text in texts]) for texts in blocks], analyzer
    )


def _best(index: LexicalIndex, query: str, mask: Mask, k: int) -> list[tuple[int, float]]:
    return best_scored(index.scores(query, mask), np.flatnonzero(mask), k)


class TestLexical:
    def test_it_is_bm25(self) -> None:
        texts = ["hotel hotel invoice", "invoice laptop", "visitor laptop hotel password", "password"]
        lengths = [len(text.split()) for text in texts]
        mean = sum(lengths) / len(lengths)

        def score(row: int, term: str) -> float:
            count = texts[row].split().count(term)
            documents = sum(term in text.split() for text in texts)
            idf = math.log(1 + (len(texts) - documents + 0.5) / (documents + 0.5))
            return idf * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[row] / mean))

        index = _lexical(texts[:1], texts[1:])
        found = dict(_best(index, "hotel laptop", np.ones(4, dtype=np.bool_), 10))
        assert found == pytest.approx({row: score(row, "hotel") + score(row, "laptop") for row in (0, 1, 2)})

    def test_what_may_not_be_seen_moves_no_score(self) -> None:
        texts = [" ".join(random.Random(row).choices(TOPICS, k=8)) for row in range(30)]
        mask = np.zeros(30, dtype=np.bool_)
        mask[::3] = True
        small, large = _lexical(texts[::3]), _lexical(texts[:11], texts[11:])
        permitted = [(row // 3, score) for row, score in _best(large, "hotel visitor", mask, 5)]
        assert permitted == _best(small, "hotel visitor", np.ones(10, dtype=np.bool_), 5)

    def test_joined_postings_are_those_of_the_texts_together(self) -> None:
        analyzer = Analyzer()
        terms = [
            counted(analyzer, " ".join(random.Random(row).choices((*TOPICS, f"only{row}"), k=8)))
            for row in range(40)
        ]
        whole = Postings.of(terms)
        joined = Postings.joined([Postings.of(terms[:7]), Postings.of(terms[7:8]), Postings.of(terms[8:])])
        _same(joined, whole)
        kept = np.arange(40) % 3 != 0
        _same(whole.only(kept, closed_up=True), Postings.of([t for row, t in enumerate(terms) if kept[row]]))
        _same(
            whole.only(kept, closed_up=False),
            Postings.of([t if kept[row] else {} for row, t in enumerate(terms)]),
        )

    def test_analysis(self) -> None:
        analyzer = Analyzer()
        assert analyzer.terms("The Hotels' bookings") == analyzer.terms("hotel booking")
        assert analyzer.terms("年次休暇") == ["年次", "次休", "休暇"]
        assert analyzer.terms("Gäste FI-02") == ["gäste", "fi", "02"]


def _same(one: Postings, other: Postings) -> None:
    assert one.terms == other.terms
    for name in ("starts", "rows", "counts", "lengths"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


class TestBlock:
    async def test_chunks_come_back_whole_from_any_block(self) -> None:
        chunks = [replace(chunk, seq=seq) for seq, chunk in enumerate(await corpus(60), 1)]
        analyzer = Analyzer()

        def block(start: int, stop: int) -> Block:
            part = chunks[start:stop]
            return Block.of(part, Postings.of([counted(analyzer, chunk.text) for chunk in part]))

        joined = Block.joined([block(0, 10), block(10, 11), block(11, 60)])
        assert [joined.chunk(row) for row in range(60)] == chunks
        gone = joined.without([3, 10, 59])
        assert [row for row, _ in gone.ids()] == [row for row in range(60) if row not in (3, 10, 59)]
        left = [chunk for row, chunk in enumerate(chunks) if row not in (3, 10, 59)]
        assert [gone.chunk(row) for row, _ in gone.ids()] == left
        assert [gone.closed_up().chunk(row) for row in range(57)] == left
        assert chunks[3].text.encode() not in gone.texts
        assert not gone.vectors[3].any()
