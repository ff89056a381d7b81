"""Words by BM25 (Robertson and Zaragoza 2009; the idf of Lucene, which is never negative): an inverted index.

Statistics (document frequency, mean length, count) are taken over the permitted rows alone: scores are those
of an index that holds nothing else, and tell nothing about what the searcher may not see.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.index.dense import Mask

K1, B = 1.2, 0.75


class _Postings:
    """In which rows a term stands, and how often; rows only grow."""

    __slots__ = ("counts", "rows")

    def __init__(self) -> None:
        self.rows = array("q")
        self.counts = array("i")

    def drop(self, gone: Sequence[int]) -> None:
        rows = np.array(self.rows, dtype=np.int64)
        keep = ~np.isin(rows, gone)
        self.rows = array("q", rows[keep].tolist())
        self.counts = array("i", np.array(self.counts, dtype=np.int64)[keep].tolist())


class LexicalIndex:
    """Rows are added in growing order; a number is not used again. Not thread-safe."""

    def __init__(self) -> None:
        self._analyzer = Analyzer()
        self._postings: dict[str, _Postings] = {}
        self._lengths = array("q")

    def add(self, row: int, text: str) -> None:
        assert row >= len(self._lengths), "rows come in growing order"
        terms = self._analyzer.terms(text)
        self._lengths.extend([0] * (row - len(self._lengths)))
        self._lengths.append(len(terms))
        for term, count in Counter(terms).items():
            postings = self._postings.get(term)
            if postings is None:
                postings = self._postings[term] = _Postings()
            postings.rows.append(row)
            postings.counts.append(count)

    def remove(self, rows: Iterable[int]) -> None:
        """Terms that stand in no other row are forgotten, too."""
        gone = sorted(set(rows))
        if not gone:
            return
        for term, postings in list(self._postings.items()):
            first = bisect_left(postings.rows, gone[0])
            if first == len(postings.rows) or postings.rows[first] > gone[-1]:
                continue
            postings.drop(gone)
            if not postings.rows:
                del self._postings[term]

    def search(self, query: str, mask: Mask, k: int) -> list[tuple[int, float]]:
        """The k best permitted rows that share a term with the query, best first; earlier rows win ties."""
        scores = self._scores(dict.fromkeys(self._analyzer.terms(query)), mask)
        matching = np.flatnonzero(scores > 0)
        if matching.size > k:
            best = np.partition(scores[matching], matching.size - k)[matching.size - k]
            matching = matching[scores[matching] >= best]
        ordered = matching[np.lexsort((matching, -scores[matching]))][:k]
        return [(int(row), float(scores[row])) for row in ordered]

    def _scores(self, terms: Iterable[str], mask: Mask) -> NDArray[np.float64]:
        lengths = np.array(self._lengths, dtype=np.float64)
        scores = np.zeros(mask.size)
        total = int(mask.sum())
        mean = float(lengths[mask].sum()) / total if total else 0.0
        for term in terms:
            rows, counts = self._permitted(term, mask)
            if not rows.size:
                continue
            idf = np.log1p((total - rows.size + 0.5) / (rows.size + 0.5))
            scores[rows] += idf * counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths[rows] / mean))
        return scores

    def _permitted(self, term: str, mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        postings = self._postings.get(term)
        if postings is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        rows = np.array(postings.rows, dtype=np.int64)
        keep = mask[rows]
        return rows[keep], np.array(postings.counts, dtype=np.float64)[keep]
