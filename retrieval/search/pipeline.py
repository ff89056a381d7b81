"""The read path on one page: permit, embed, rank twice, fuse, look again.

Permission comes before ranking: the result is the one an index of the permitted documents alone would give.
"""

import numpy as np

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import Authority, Passage, Scope, SearchRequest, SearchResult
from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.view import IndexView, Rankings
from secretariat.retrieval.search.access import still_readable, within
from secretariat.retrieval.search.fuse import fuse

POOL = 100


class Pipeline:
    """A Searcher over one tenant's view, on behalf of one call."""

    def __init__(self, view: IndexView, authority: Authority, embedder: Embedder, call: CallContext) -> None:
        self._view = view
        self._authority = authority
        self._embedder = embedder
        self._call = call

    async def search(self, scope: Scope, request: SearchRequest) -> SearchResult:
        """Passages best first. Raises IndexBehindError, RetrievalError, ModelError."""
        if scope.tenant != self._view.tenant:
            raise RetrievalError("The search and the index belong to different tenants.")
        seq = await self._view.catch_up(request.min_seq)
        permit = await self._authority.permit(scope)
        about = await within(self._authority, scope, request)
        if not request.query.strip():
            reach = await self._view.reach(permit, about)
            return SearchResult((), seq, reach.allowed, reach.denied)
        vector = (await self._embedder.embed([request.query], self._call)).vectors[0]
        pool = max(POOL, 2 * request.limit)
        rankings = await self._view.rank(request.query, vector, permit, about, pool)
        passages = _fused(rankings, vector)[: request.limit]
        passages = await still_readable(self._authority, scope, passages)
        return SearchResult(tuple(passages), seq, rankings.reach.allowed, rankings.reach.denied)


def _fused(rankings: Rankings, vector: bytes) -> list[Passage]:
    dense_rank = {row: rank for rank, row in enumerate(rankings.dense, 1)}
    lexical_rank = {row: rank for rank, row in enumerate(rankings.lexical, 1)}
    return [
        Passage(
            chunk=rankings.chunks[row],
            score=score,
            dense_rank=dense_rank.get(row),
            lexical_rank=lexical_rank.get(row),
            cosine=_dot(vector, rankings.chunks[row].vector),
        )
        for row, score in fuse([rankings.dense, rankings.lexical])
    ]


def _dot(left: bytes, right: bytes) -> float:
    return float(np.frombuffer(left, dtype="<f4") @ np.frombuffer(right, dtype="<f4"))
