"""The best of a ranking, looked at word by word by the model that embedded them (late interaction)."""

from collections.abc import Sequence
from dataclasses import replace

from secretariat.models.client import Reranker
from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.retrieval.core import Passage
from secretariat.retrieval.embed import embedding_text
from secretariat.retrieval.search.fuse import best_first, standardised

CANDIDATES = 30


async def reranked(
    reranker: Reranker, query: str, passages: Sequence[Passage], call: CallContext
) -> list[Passage]:
    """The first CANDIDATES in their new order, the rest behind them. Raises ModelError.

    Cosine, BM25 and the words' nearness weigh a third each: a passage's score already is the mean of two.
    Where the model can't say for now, the order stays: what was found is worth more than a failure.
    """
    head, rest = passages[:CANDIDATES], passages[CANDIDATES:]
    if not head:
        return []
    texts = [
        embedding_text(passage.chunk.document_title, passage.chunk.heading_path, passage.chunk.text)
        for passage in head
    ]
    try:
        result = await reranker.rerank(query, texts, call, method="late_interaction")
    except ModelError as error:
        if not error.retryable:
            raise
        return list(passages)
    nearness = {ranked.index: ranked.relevance for ranked in result.ranked}
    near = standardised(nearness)
    before = standardised(dict(enumerate(passage.score for passage in head)))
    scores = {place: (2 * before[place] + near[place]) / 3 for place in range(len(head))}
    first = [
        replace(head[place], score=score, nearness=nearness[place]) for place, score in best_first(scores)
    ]
    floor, last = first[-1].score, head[-1].score
    return first + [replace(passage, score=floor + passage.score - last) for passage in rest]
