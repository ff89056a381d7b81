"""Vectors by cosine, exactly: FAISS reads unit vectors where they lie, of the rows in reach and no other. Rows are
the view's numbers."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.index.codes import Codes, possible

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

_WORTH_CODES = 4_096
"""Rows in reach from which reading their codes first saves more than it costs."""


class DenseIndex:
    """Inner products with float32 unit vectors. Never changes; safe to share between threads.

    A score is computed from its two vectors alone, in the same order of additions wherever the row lies: it
    is bit for bit that of any other index that holds the row.
    """

    def __init__(self, blocks: Sequence[Vectors], codes: Callable[[], Sequence[Codes]] | None = None) -> None:
        """`blocks` are C-contiguous [rows, dimension], one behind the other. Scans of many rows begin with the
        blocks' codes, where there are such."""
        self._blocks = blocks
        self._codes = codes
        self._bounds = np.cumsum([0, *(len(block) for block in blocks)])

    def search(self, query: bytes, rows: Rows, k: int) -> list[tuple[int, float]]:
        """The k rows nearest to `query` among these (ascending and distinct), best first.

        No other row is read, so none takes a place or moves a score. Raises RetrievalError when the query has
        another dimension than the rows.
        """
        if not k or not rows.size:
            return []
        if len(query) != 4 * self._blocks[0].shape[1]:
            raise RetrievalError("The query and the documents were embedded by different models.")
        point = np.frombuffer(query, dtype="<f4").astype(np.float32)
        if self._codes is not None and rows.size >= _WORTH_CODES:
            codes = self._codes()
            rows = rows[possible(point, [(codes[block], own) for block, own in self._by_block(rows)], k)]
        near: list[Rows] = []
        scores: list[NDArray[np.float32]] = []
        for number, own in self._by_block(rows):
            found, said = _scan(point, self._blocks[number], own, min(k, own.size))
            near.append(found + self._bounds[number])
            scores.append(said)
        return best_of(np.concatenate(near), np.concatenate(scores), k)

    def _by_block(self, rows: Rows) -> Iterator[tuple[int, Rows]]:
        """Those of each block, counted from its first."""
        bounds = np.searchsorted(rows, self._bounds).tolist()
        for number, (start, stop) in enumerate(pairwise(bounds)):
            if start < stop:
                yield number, rows[start:stop] - self._bounds[number]


def best_of(rows: Rows, scores: NDArray[np.floating[Any]], k: int) -> list[tuple[int, float]]:
    """The k best, best first; earlier rows win ties."""
    if rows.size > k:
        good = scores >= np.partition(scores, rows.size - k)[rows.size - k]
        rows, scores = rows[good], scores[good]
    order = np.lexsort((rows, -scores))[:k]
    return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))


def _scan(point: Vectors, block: Vectors, rows: Rows, k: int) -> tuple[Rows, NDArray[np.float32]]:
    """A heap keeps the earlier of two equal rows, whatever their number."""
    scores, near = np.empty(k, dtype=np.float32), np.empty(k, dtype=np.int64)
    by_rows: Any = faiss.knn_inner_products_by_idx  # type: ignore[attr-defined]  # its stubs leave it out
    by_rows(
        faiss.swig_ptr(point), faiss.swig_ptr(block), faiss.swig_ptr(rows), block.shape[1], 1, len(block),
        len(rows), k, faiss.swig_ptr(scores), faiss.swig_ptr(near), len(rows),
    )  # fmt: skip
    return near, scores
