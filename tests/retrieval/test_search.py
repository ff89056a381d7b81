"""Search sees what the searcher may see and nothing else; it finds by meaning and by word."""

import random
from uuid import uuid4

import pytest

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, EmbeddingResult
from secretariat.retrieval.core import Chunk, Scope, SearchRequest, SearchResult
from secretariat.retrieval.errors import IndexBehindError, RetrievalError
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.search.fuse import fuse
from secretariat.retrieval.search.pipeline import Pipeline
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
            await pipeline.search(Scope(uuid4(), SCOPE.principals), SearchRequest("hotel"))

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


def test_fusion_sums_reciprocal_ranks() -> None:
    assert fuse([[7, 8], [8, 9]]) == [
        (8, 1 / 62 + 1 / 61),
        (7, 1 / 61),
        (9, 1 / 62),
    ]
    assert fuse([]) == []
