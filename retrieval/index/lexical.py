"""Words by BM25 (Robertson and Zaragoza 2009; the idf of Lucene, which is never negative).

Statistics (document frequency, mean length, count) are taken over the permitted rows alone: scores are those
of an index that holds nothing else, and tell nothing about what the searcher may not see.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.dense import Mask, Rows, best_of
from secretariat.retrieval.index.postings import Postings

K1, B = 1.2, 0.75


def counted(analyzer: Analyzer, text: str) -> Mapping[str, float]:
    """A text's terms and how often each stands in it: what postings are made of."""
    return Counter(analyzer.terms(text))


class LexicalIndex:
    """Blocks of postings one behind the other, read together. Never changes; safe to share between threads."""

    def __init__(self, blocks: Sequence[Postings], analyzer: Analyzer | None = None) -> None:
        self._analyzer = analyzer or Analyzer()
        self._blocks = blocks
        ends = np.cumsum([len(block.lengths) for block in blocks]).tolist()
        self._firsts = [0, *ends[:-1]] if blocks else []
        self._lengths = np.concatenate([np.empty(0), *(block.lengths for block in blocks)])

    def scores(self, query: str, mask: Mask) -> NDArray[np.float64]:
        """Of every row, 0 where it isn't permitted. A term that the query says twice counts twice."""
        terms = Counter(self._analyzer.terms(query))
        if not terms:
            return np.broadcast_to(np.float64(0), mask.shape)
        scores = np.zeros(mask.size)
        permitted = np.flatnonzero(mask)
        total = permitted.size
        # Lengths are whole numbers: their sum is exact, whatever the order.
        mean = float(self._lengths.take(permitted).sum()) / total if total else 0.0
        for term, asked in terms.items():
            rows, counts = self._permitted(term, mask)
            if not rows.size:
                continue
            idf = np.log1p((total - rows.size + 0.5) / (rows.size + 0.5))
            length = self._lengths.take(rows)
            scores[rows] += asked * idf * counts * (K1 + 1) / (counts + K1 * (1 - B + B * length / mean))
        return scores

    def _permitted(self, term: str, mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The permitted rows that a term stands in, and how often."""
        found_rows = [np.empty(0, dtype=np.int64)]
        found_counts = [np.empty(0)]
        for first, block in zip(self._firsts, self._blocks, strict=True):
            rows, counts = block.of_term(term)
            if rows.size:
                here = mask[first : first + len(block.lengths)].take(rows)
                found_rows.append(rows[here] + np.int64(first))
                found_counts.append(counts[here].astype(np.float64))
        return np.concatenate(found_rows), np.concatenate(found_counts)


def best_scored(scores: NDArray[np.float64], rows: Rows, k: int) -> list[tuple[int, float]]:
    """Of these rows the k with the highest scores above 0, best first; earlier rows win ties."""
    said = scores[rows]
    matching = said > 0
    return best_of(rows[matching], said[matching], k)
