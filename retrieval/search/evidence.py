"""What two rankings say about each chunk, as one number: how far above the rest of what was found it lies.

Knows nothing of who asks: rankings hold what may be read, and nothing else goes into a score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from secretariat.retrieval.core import Chunk, Passage
from secretariat.retrieval.index.view import Rankings
from secretariat.retrieval.search.configuration import CONFIGURATIONS, Configuration
from secretariat.retrieval.search.fuse import OVER, Scale, averaged, standardised


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answer of the indexes to one question. `scores` is the mean of both measures, standardised."""

    vector: bytes
    chunks: Mapping[UUID, Chunk]
    scores: Mapping[UUID, float]
    cosines: Mapping[UUID, float]
    dense_ranks: Mapping[UUID, int]
    lexical_ranks: Mapping[UUID, int]

    def cosine(self, chunk: Chunk) -> float:
        """Of any chunk, found or not."""
        known = self.cosines.get(chunk.id)
        return _dot(self.vector, chunk.vector) if known is None else known

    @property
    def strength(self) -> float:
        """How well the collection answers the question at all: its best cosine squared."""
        return max(max(self.cosines.values(), default=0.0), 0.0) ** 2


def evidence(rankings: Rankings, vector: bytes, use: Configuration = CONFIGURATIONS["default"]) -> Evidence:
    """Each chunk that either ranking holds, by both measures, whatever the other ranking's depth."""
    cosines = {
        row: rankings.cosines[row] if row in rankings.cosines else _dot(vector, chunk.vector)
        for row, chunk in rankings.chunks.items()
    }
    in_reach = min(OVER, int(np.count_nonzero(rankings.reach.mask)))
    worded = [rankings.bm25[row] for row in rankings.lexical]
    by_meaning = Scale.of(rankings.cosines.values())
    by_word = Scale.of([*worded, *[0.0] * (in_reach - len(worded))])
    name = {row: chunk.id for row, chunk in rankings.chunks.items()}
    ranked = dict.fromkeys(
        [*(rankings.dense if use.meaning else ()), *(rankings.lexical if use.words else ())]
    )

    def score(row: int) -> float:
        meant, said = by_meaning(cosines[row]), by_word(rankings.bm25[row])
        return (meant * use.meaning + said * use.words) / (use.meaning + use.words)

    return Evidence(
        vector=vector,
        chunks={chunk.id: chunk for chunk in rankings.chunks.values()},
        scores={name[row]: score(row) for row in ranked},
        cosines={name[row]: cosine for row, cosine in cosines.items()},
        dense_ranks={name[row]: rank for rank, row in enumerate(rankings.dense, 1)},
        lexical_ranks={name[row]: rank for rank, row in enumerate(rankings.lexical, 1)},
    )


def together(whole: Sequence[Evidence], parts: Sequence[Evidence]) -> dict[UUID, float]:
    """One score for each chunk: the mean over the ways to ask, and the same again from the parts of the question.

    A part adds what lies above its own mean, and counts as much as the collection has to say about it.
    """
    asked = averaged([one.scores for one in whole])
    if not parts:
        return asked
    told: dict[UUID, float] = dict.fromkeys(asked, 0.0)
    for part in parts:
        for chunk_id, score in part.scores.items():
            told[chunk_id] = told.get(chunk_id, 0.0) + max(score, 0.0) * part.strength
    return averaged([standardised(asked), standardised(told)])


def passages(scores: Sequence[tuple[UUID, float]], found: Sequence[Evidence]) -> list[Passage]:
    """Ranks and cosines are those of the first question, the searcher's own."""
    chunks = {chunk_id: chunk for one in reversed(found) for chunk_id, chunk in one.chunks.items()}
    own = found[0]
    return [
        Passage(
            chunk=chunks[chunk_id],
            score=score,
            dense_rank=own.dense_ranks.get(chunk_id),
            lexical_rank=own.lexical_ranks.get(chunk_id),
            cosine=own.cosine(chunks[chunk_id]),
        )
        for chunk_id, score in scores
    ]


def _dot(left: bytes, right: bytes) -> float:
    return float(np.frombuffer(left, dtype="<f4") @ np.frombuffer(right, dtype="<f4"))
