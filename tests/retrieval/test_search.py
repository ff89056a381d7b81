"""Search sees what the searcher may see and nothing else; it finds by meaning and by word."""

import random
from dataclasses import replace
from uuid import uuid4

import pytest

from secretariat.models.client import Embedder
from secretariat.models.core import (
    CallContext,
    EmbeddingResult,
    ModelIdentity,
    Ranked,
    RerankResult,
    Usage,
)
from secretariat.models.errors import ModelError, ModelErrorCode
from secretariat.retrieval.core import Chunk, Scope, SearchRequest, SearchResult
from secretariat.retrieval.duplicates import signature
from secretariat.retrieval.errors import IndexBehindError, RetrievalError
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.search.fuse import averaged, fuse, standardised
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.search.questions import questions_of
from secretariat.retrieval.search.rerank import CANDIDATES
from tests.retrieval.chunks import SCOPE, TENANT, Grants, chunks, document_id
from tests.retrieval.embedders import CALL, MINILM, EncoderHere, HashingEmbedder

WORDS = "hotel invoice holiday laptop visitor forklift training password badge travel".split()  # noqa: SIM905

HANDBOOK = [
    ("Travel", "Hotels may cost up to 180 euros per night. More needs the consent of the team lead."),
    ("Travel", "First class on trains is allowed for journeys longer than three hours."),
    ("Leave", "Every employee has 30 days of annual leave. Five days may be carried into the next year."),
    ("Leave", "Parents may take up to 24 months of unpaid parental leave for each child."),
    ("Security", "Lost badges are reported to the gate within one hour, extension 4911."),
    ("Security", "A laptop is never left in a car, not even in the boot."),
    ("Salaries", "The managing director earns 312,000 euros; a hotel budget comes on top."),
]


async def _pipeline(
    contents: list[Chunk], grants: Grants, embedder: Embedder | None = None
) -> tuple[Pipeline, MemoryChunkLog]:
    log = MemoryChunkLog()
    log.append(contents)
    return Pipeline(IndexView(TENANT, log), grants, embedder or HashingEmbedder(), CALL), log


def _found(result: SearchResult) -> list[tuple[object, ...]]:
    return [
        (passage.chunk.id, passage.score, passage.dense_rank, passage.lexical_rank, passage.cosine)
        for passage in result.passages
    ]


class TestPermissions:
    @pytest.mark.parametrize("seed", range(8))
    async def test_the_result_is_that_of_an_index_of_the_permitted_alone(self, seed: int) -> None:
        choose = random.Random(seed)
        texts = [
            (f"document {choose.randrange(30)}", " ".join(choose.choices(WORDS, k=choose.randint(3, 25))))
            for _ in range(250)
        ]
        everything = await chunks(HashingEmbedder(), texts)
        documents = sorted({chunk.document_id for chunk in everything}, key=str)
        permitted = set(choose.sample(documents, choose.randint(1, 12)))
        whole, _ = await _pipeline(everything, Grants(permitted))
        restricted, _ = await _pipeline(
            [chunk for chunk in everything if chunk.document_id in permitted], Grants(permitted)
        )
        for query in ("hotel invoice", "password", "a travel document 3", "nothing of it"):
            request = SearchRequest(query, limit=choose.randint(1, 20))
            one, other = await whole.search(SCOPE, request), await restricted.search(SCOPE, request)
            assert _found(one) == _found(other)
            assert one.passages
            assert (one.allowed, one.denied) == (len(permitted), len(documents) - len(permitted))

    async def test_nothing_permitted_finds_nothing(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        pipeline, _ = await _pipeline(everything, Grants(()))
        result = await pipeline.search(SCOPE, SearchRequest("hotel"))
        assert (result.passages, result.allowed, result.denied) == ((), 0, 4)

    async def test_a_grant_revoked_while_the_search_runs_counts(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        grants = Grants({chunk.document_id for chunk in everything})

        class Revoking(HashingEmbedder):
            async def embed(self, texts, call: CallContext) -> EmbeddingResult:
                grants.readable_now.discard(document_id("Salaries"))
                return await super().embed(texts, call)

        pipeline, _ = await _pipeline(everything, grants, Revoking())
        result = await pipeline.search(SCOPE, SearchRequest("what does the managing director earn"))
        assert result.passages
        assert all(passage.chunk.document_title != "Salaries" for passage in result.passages)

    async def test_another_tenant_is_refused(self) -> None:
        pipeline, _ = await _pipeline([], Grants(()))
        with pytest.raises(RetrievalError):
            await pipeline.search(Scope(uuid4()), SearchRequest("hotel"))

    async def test_only_the_documents_asked_for(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
        asked = frozenset({document_id("Leave"), uuid4()})
        result = await pipeline.search(SCOPE, SearchRequest("hotel", document_ids=asked))
        assert {passage.chunk.document_title for passage in result.passages} == {"Leave"}
        assert result.allowed == 1


class TestFreshness:
    async def test_what_was_removed_is_gone_at_once(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        pipeline, log = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
        request = SearchRequest("hotels cost per night", limit=20)
        assert everything[0].id in [p.chunk.id for p in (await pipeline.search(SCOPE, request)).passages]
        seq = log.remove([everything[0].id])
        result = await pipeline.search(SCOPE, request)
        assert everything[0].id not in [passage.chunk.id for passage in result.passages]
        assert result.index_seq == seq

    async def test_a_search_may_wait_for_no_write_that_never_was(self) -> None:
        pipeline, _ = await _pipeline([], Grants(()))
        with pytest.raises(IndexBehindError):
            await pipeline.search(SCOPE, SearchRequest("hotel", min_seq=1))


@pytest.mark.parametrize("query", ["", "   ", "\n"])
async def test_an_empty_query_finds_nothing(query: str) -> None:
    everything = await chunks(HashingEmbedder(), HANDBOOK)
    pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
    assert (await pipeline.search(SCOPE, SearchRequest(query))).passages == ()


async def test_a_word_that_only_one_passage_has_is_found_by_it() -> None:
    everything = await chunks(HashingEmbedder(), HANDBOOK)
    pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
    best = (await pipeline.search(SCOPE, SearchRequest("4911"))).passages[0]
    assert best.chunk.text.endswith("extension 4911.")
    assert best.lexical_rank == 1


@pytest.mark.weights
@pytest.mark.skipif(not (MINILM / "model.safetensors").is_file(), reason="needs all-minilm-l6-v2")
async def test_meaning_is_found_without_a_common_word() -> None:
    embedder = EncoderHere()
    everything = await chunks(embedder, HANDBOOK)
    pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}), embedder)
    for query, expected in [
        ("How much vacation do I get?", "30 days of annual leave"),
        ("Where should my notebook computer not stay?", "never left in a car"),
        ("price limit for accommodation", "180 euros per night"),
    ]:
        best = (await pipeline.search(SCOPE, SearchRequest(query))).passages[0]
        assert expected in best.chunk.text
        assert best.cosine is not None
        assert 0.2 < best.cosine <= 1.0


class ByLength:
    """A reranker that prefers long texts, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    async def rerank(self, query, texts, call, top_n=None, method="embedding_cosine") -> RerankResult:
        assert method == "late_interaction"
        self.asked.append((query, list(texts)))
        ranked = sorted(
            (Ranked(i, float(len(text))) for i, text in enumerate(texts)), key=lambda r: -r.relevance
        )
        return RerankResult(
            tuple(ranked), method, Usage(0, 0), ModelIdentity("length", "", "test", 1, "none")
        )


class TestWaysToAsk:
    async def test_rephrasings_find_what_the_question_alone_does_not(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
        alone = await pipeline.search(SCOPE, SearchRequest("vacation", limit=1))
        request = SearchRequest("vacation", limit=1, rephrasings=("days of annual leave",))
        helped = await pipeline.search(SCOPE, request)
        assert "annual leave" not in alone.passages[0].chunk.text
        assert "annual leave" in helped.passages[0].chunk.text

    async def test_each_sentence_of_a_question_longer_than_the_window_is_asked(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
        story = " ".join(f"My neighbour number {i} plants tomatoes behind the old house." for i in range(40))
        asked = f"{story} Within which hour are lost badges reported to the gate? {story}"
        result = await pipeline.search(SCOPE, SearchRequest(asked, limit=1))
        assert "Lost badges are reported" in result.passages[0].chunk.text

    async def test_how_many_are_asked_for_changes_nothing_about_the_first(self) -> None:
        choose = random.Random(5)
        texts = [(f"document {i}", " ".join(choose.choices(WORDS, k=12))) for i in range(700)]
        everything = await chunks(HashingEmbedder(), texts)
        pipeline, _ = await _pipeline(everything, Grants({chunk.document_id for chunk in everything}))
        few, many = [
            await pipeline.search(SCOPE, SearchRequest("a hotel with a password for the laptop", limit=limit))
            for limit in (10, 400)
        ]
        assert _found(few) == _found(many)[:10]
        assert len(many.passages) > 200

    async def test_a_long_question_without_spaces_is_asked_by_its_sentences_too(self) -> None:
        story = "".join(f"我的邻居第{number}号在老房子后面种了很多西红柿。" for number in range(20))
        questions = questions_of(SearchRequest(f"{story}丢失的证件要在多久之内报告？{story}"))
        assert "丢失的证件要在多久之内报告？" in questions.parts

    async def test_nearly_the_same_text_is_found_once(self) -> None:
        text = "Hotels may cost up to 180 euros per night, and more needs the consent of the team lead in {}."
        copies = [(f"copy {i}", text.format("writing")) for i in range(3)]
        everything = [
            replace(chunk, signature=signature(chunk.text))
            for chunk in await chunks(HashingEmbedder(), [*copies, *HANDBOOK])
        ]
        readable = {chunk.document_id for chunk in everything}
        pipeline, _ = await _pipeline(everything, Grants(readable))
        request = SearchRequest("hotels cost per night team lead", limit=8)
        found = [p.chunk.document_title for p in (await pipeline.search(SCOPE, request)).passages]
        (shown,) = (title for title in found if title.startswith("copy"))
        hidden, _ = await _pipeline(everything, Grants(readable - {document_id(shown)}))
        found = [p.chunk.document_title for p in (await hidden.search(SCOPE, request)).passages]
        (other,) = (title for title in found if title.startswith("copy"))
        assert other != shown


class TestReranking:
    async def test_the_model_sees_only_what_may_be_read_and_moves_it(self) -> None:
        everything = await chunks(HashingEmbedder(), HANDBOOK)
        log = MemoryChunkLog()
        log.append(everything)
        readable = {chunk.document_id for chunk in everything} - {document_id("Salaries")}
        reranker = ByLength()
        pipeline = Pipeline(IndexView(TENANT, log), Grants(readable), HashingEmbedder(), CALL, reranker)
        result = await pipeline.search(SCOPE, SearchRequest("a laptop and a badge", limit=10))
        ((query, texts),) = reranker.asked
        assert query == "a laptop and a badge"
        assert len(texts) == len(result.passages) == 6
        assert not any("managing director" in text for text in texts)
        scores = [passage.score for passage in result.passages]
        assert scores == sorted(scores, reverse=True)

    @pytest.mark.parametrize(("code", "found"), [("overloaded", True), ("model_not_found", False)])
    async def test_a_model_that_is_away_takes_nothing_that_was_found(
        self, code: ModelErrorCode, *, found: bool
    ) -> None:
        class Away(ByLength):
            async def rerank(self, query, texts, call, top_n=None, method="embedding_cosine") -> RerankResult:
                raise ModelError(code, "not now", retryable=found)

        everything = await chunks(HashingEmbedder(), HANDBOOK)
        log = MemoryChunkLog()
        log.append(everything)
        grants = Grants({chunk.document_id for chunk in everything})
        plain = Pipeline(IndexView(TENANT, log), grants, HashingEmbedder(), CALL)
        robbed = Pipeline(IndexView(TENANT, log), grants, HashingEmbedder(), CALL, Away())
        request = SearchRequest("a laptop and a badge")
        if found:
            assert _found(await robbed.search(SCOPE, request)) == _found(await plain.search(SCOPE, request))
        else:
            with pytest.raises(ModelError):
                await robbed.search(SCOPE, request)

    async def test_what_is_behind_the_candidates_stays_behind(self) -> None:
        texts = [(f"document {i}", f"a note about hotels {'and so on ' * (i % 7)}") for i in range(50)]
        everything = await chunks(HashingEmbedder(), texts)
        log = MemoryChunkLog()
        log.append(everything)
        grants = Grants({chunk.document_id for chunk in everything})
        plain = Pipeline(IndexView(TENANT, log), grants, HashingEmbedder(), CALL)
        ordered = Pipeline(IndexView(TENANT, log), grants, HashingEmbedder(), CALL, ByLength())
        request = SearchRequest("hotels", limit=50)
        before, after = [
            [passage.chunk.id for passage in (await one.search(SCOPE, request)).passages]
            for one in (plain, ordered)
        ]
        assert before != after
        assert set(before[:CANDIDATES]) == set(after[:CANDIDATES])
        assert before[CANDIDATES:] == after[CANDIDATES:]


def test_a_score_counts_by_how_far_it_stands_out() -> None:
    near = standardised({"a": 0.9, "b": 0.5, "c": 0.1})
    assert near["b"] == pytest.approx(0)
    assert near["a"] == pytest.approx(-near["c"])
    assert standardised({"a": 1.0, "b": 1.0}) == {"a": 0.0, "b": 0.0}
    assert averaged([{"a": 1.0, "b": -1.0}, {"b": 3.0, "c": 2.0}]) == {"a": 1.5, "b": 1.0, "c": 0.5}
    assert averaged([]) == {}


def test_fusion_sums_reciprocal_ranks() -> None:
    assert fuse([[7, 8], [8, 9]]) == [
        (8, 1 / 62 + 1 / 61),
        (7, 1 / 61),
        (9, 1 / 62),
    ]
    assert fuse([]) == []
