"""Vectors by cosine, exactly: FAISS reads unit vectors where they lie, of the rows in reach and no other. Rows are
the view's numbers."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.errors import RetrievalError

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

_WORTH_A_THREAD = 8_192
"""Rows in reach from which sharing a scan out between threads saves more than handing it over costs."""


class DenseIndex:
    """Inner products with float32 unit vectors. Never changes; safe to share between threads.

    A score is computed from its two vectors alone, in the same order of additions wherever the row lies: it
    is bit for bit that of any other index that holds the row.
    """

    def __init__(self, blocks: Sequence[Vectors], executor: Executor | None = None) -> None:
        """`blocks` are C-contiguous [rows, dimension], one behind the other. Scans of many rows are shared
        out between the executor's threads."""
        self._blocks = blocks
        self._executor = executor
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
        threads = self._executor
        shares = min(os.cpu_count() or 1, 1 + rows.size // _WORTH_A_THREAD) if threads else 1
        mine, *others = np.array_split(rows, shares)
        given = [threads.submit(self._nearest, point, part, k) for part in others] if threads else []
        parts = [*self._nearest(point, mine, k), *(scan for part in given for scan in part.result())]
        near, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
        return best_of(near, scores, k)

    def _nearest(self, point: Vectors, rows: Rows, k: int) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Of each block the k nearest of the rows, in no particular order."""
        bounds = np.searchsorted(rows, self._bounds).tolist()
        found = []
        for number, block in enumerate(self._blocks):
            start, stop = bounds[number], bounds[number + 1]
            if start < stop:
                first = self._bounds[number]
                near, scores = _scan(point, block, rows[start:stop] - first, min(k, stop - start))
                found.append((near + first, scores))
        return found


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
