"""A passage read with its neighbours: of its document and section alone, every word where its offset says."""

import pytest

from secretariat.retrieval.core import Chunk, Scope, SearchRequest, Surroundings
from secretariat.retrieval.evaluate import TENANT, EvaluationDocument, chunks_of
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS
from secretariat.retrieval.parse.markdown import extract
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.tokens import Estimate
from tests.retrieval.chunks import Grants
from tests.retrieval.embedders import CALL, HashingEmbedder

SCOPE = Scope(TENANT)
FILLER = "The archive on floor {n} keeps letters of 19{n} in grey boxes, each with a list of its own. " * 6


def _markdown() -> str:
    floors = "\n\n".join(FILLER.format(n=number) for number in range(10, 16))
    return f"# Archive\n\n{floors}\n\n# Kitchen\n\nThe kitchen has a samovar.\n"


async def _indexed(*documents: EvaluationDocument) -> tuple[list[Chunk], MemoryChunkLog, Pipeline]:
    log, everything = MemoryChunkLog(), []
    for document in documents:
        everything += await chunks_of(document, HashingEmbedder(), CALL, Estimate())
    log.append(everything)
    grants = Grants({chunk.document_id for chunk in everything})
    return everything, log, Pipeline(IndexView(TENANT, log), grants, HashingEmbedder(), CALL)


async def _around(pipeline: Pipeline, question: str, neighbours: int) -> tuple[Chunk, Surroundings | None]:
    best = (await pipeline.search(SCOPE, SearchRequest(question, neighbours=neighbours))).passages[0]
    return best.chunk, best.surroundings


@pytest.mark.parametrize("neighbours", [1, 2])
async def test_neighbours_come_along_with_every_word_in_its_place(neighbours: int) -> None:
    document = EvaluationDocument("a", "The house", _markdown(), markdown=True)
    text = extract(document.text.encode(), DEFAULT_LIMITS).text
    everything, _, pipeline = await _indexed(
        document, EvaluationDocument("b", "Elsewhere", FILLER.format(n=77))
    )
    chunk, around = await _around(pipeline, "letters of 1913 on floor 13", neighbours)
    assert around is not None
    assert (around.span.start, around.span.end) != (chunk.span.start, chunk.span.end)
    assert len(around.text) == around.span.end - around.span.start
    for own, theirs in zip(around.text, around.span.within(text), strict=True):
        assert own == theirs or (own.isspace() and theirs.isspace())
    within = [
        one
        for one in everything
        if one.document_id == chunk.document_id and abs(one.ordinal - chunk.ordinal) <= neighbours
    ]
    assert around.span.start == within[0].span.start


async def test_another_section_stays_out() -> None:
    _, _, pipeline = await _indexed(EvaluationDocument("a", "The house", _markdown(), markdown=True))
    chunk, around = await _around(pipeline, "samovar in the kitchen", 4)
    assert around is not None
    assert chunk.heading_path[-1] == "Kitchen"
    assert "archive" not in around.text


async def test_nothing_reaches_across_a_neighbour_that_is_gone() -> None:
    everything, log, pipeline = await _indexed(
        EvaluationDocument("a", "The house", _markdown(), markdown=True)
    )
    chunk, _ = await _around(pipeline, "letters of 1913 on floor 13", 0)
    log.remove([one.id for one in everything if one.ordinal == chunk.ordinal + 1])
    same, around = await _around(pipeline, "letters of 1913 on floor 13", 2)
    assert same.id == chunk.id
    assert around is not None
    assert around.span.end == chunk.span.end
    assert around.span.start < chunk.span.start


async def test_who_asks_for_none_gets_none() -> None:
    _, _, pipeline = await _indexed(EvaluationDocument("a", "The house", _markdown(), markdown=True))
    _, around = await _around(pipeline, "samovar", 0)
    assert around is None
