"""The read path on one page: permit, ask in every way, rank, fuse, re-rank, drop repetitions, look again.

Permission comes before ranking: the result is the one an index of the permitted documents alone would give.
"""

import asyncio
from collections.abc import Sequence

from secretariat.models.client import Embedder, Reranker
from secretariat.models.core import CallContext
from secretariat.retrieval.core import Authority, Passage, Permit, Scope, SearchRequest, SearchResult
from secretariat.retrieval.duplicates import distinct
from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.search.access import still_readable, within
from secretariat.retrieval.search.confidence import confidence
from secretariat.retrieval.search.configuration import CONFIGURATIONS, Configuration
from secretariat.retrieval.search.evidence import Evidence, evidence, passages, together
from secretariat.retrieval.search.fuse import OVER, best_first
from secretariat.retrieval.search.questions import Questions, questions_of
from secretariat.retrieval.search.rerank import reranked
from secretariat.retrieval.search.surroundings import surrounded

POOL = 200
"""Chunks that each ranking of a question puts forward, however many are asked for. A part of a long question adds
what stands out among its best OVER."""
_AT_ONCE = 4


class Pipeline:
    """A Searcher over one tenant's view, on behalf of one call. Without a reranker the fused order stands."""

    def __init__(
        self,
        view: IndexView,
        authority: Authority,
        embedder: Embedder,
        call: CallContext,
        reranker: Reranker | None = None,
        use: Configuration = CONFIGURATIONS["default"],
    ) -> None:
        self._view = view
        self._authority = authority
        self._embedder = embedder
        self._call = call
        self._reranker = reranker if use.rerank else None
        self._use = use

    async def search(self, scope: Scope, request: SearchRequest) -> SearchResult:
        """Passages best first. Raises IndexBehindError, RetrievalError, ModelError."""
        if scope.tenant != self._view.tenant:
            raise RetrievalError("The search and the index belong to different tenants.")
        permit = await self._authority.permit(scope)
        seq = await self._view.catch_up(request.min_seq, permit.head)
        about = await within(self._authority, scope, request)
        reach = await self._view.reach(permit, about)
        questions = questions_of(request)
        if not questions.whole or not reach.allowed:
            return SearchResult((), seq, reach.allowed, reach.denied)
        found = await self._ask(questions, permit, about)
        whole, parts = found[: len(questions.whole)], found[len(questions.whole) :]
        ordered = passages(best_first(together(whole, parts)), found)
        if self._reranker is not None and not parts:
            ordered = await reranked(self._reranker, request.query, ordered, self._call)
        ordered = _without_repetitions(ordered, request.limit)
        if request.neighbours:
            ordered = await self._with_neighbours(ordered, request.neighbours)
        readable = await still_readable(self._authority, scope, ordered)
        sure = None if parts else confidence(request.query, readable)
        return SearchResult(tuple(readable), seq, reach.allowed, reach.denied, sure)

    async def _ask(self, questions: Questions, permit: Permit, about: Within) -> list[Evidence]:
        """Each question on its own, in order, a few at a time."""
        vectors = (await self._embedder.embed(questions.texts, self._call)).vectors
        turns = asyncio.Semaphore(_AT_ONCE)

        async def ask(place: int, text: str, vector: bytes) -> Evidence:
            pool = POOL if place < len(questions.whole) else OVER
            async with turns:
                rankings = await self._view.rank(text, vector, permit, about, pool)
                return await asyncio.to_thread(evidence, rankings, vector, self._use)

        pairs = zip(questions.texts, vectors, strict=True)
        return await asyncio.gather(*(ask(place, *pair) for place, pair in enumerate(pairs)))

    async def _with_neighbours(self, found: Sequence[Passage], count: int) -> list[Passage]:
        chunks = [passage.chunk for passage in found]
        around = await asyncio.to_thread(lambda: [self._view.around(chunk, count) for chunk in chunks])
        return [surrounded(passage, near) for passage, near in zip(found, around, strict=True)]


def _without_repetitions(ordered: Sequence[Passage], limit: int) -> list[Passage]:
    """The best `limit` that aren't nearly the same as a better one."""
    kept = distinct([passage.chunk.signature for passage in ordered], most=limit)
    return [ordered[place] for place in kept]
