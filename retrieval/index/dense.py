"""Vectors by cosine, exactly: FAISS scans blocks of unit vectors where they lie. Rows are the view's numbers."""

from collections.abc import Sequence
from concurrent.futures import Executor

import faiss
import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.errors import RetrievalError

Mask = NDArray[np.bool_]
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
        # A heap keeps the earlier of two equal rows; the reservoir that FAISS takes for many keeps either.
        faiss.cvar.distance_compute_min_k_reservoir = np.iinfo(np.int32).max
        self._blocks = blocks
        self._executor = executor
        ends = np.cumsum([len(block) for block in blocks]).tolist()
        self._firsts: list[int] = [0, *ends[:-1]] if blocks else []

    def search(self, query: bytes, mask: Mask, k: int) -> list[tuple[int, float]]:
        """The k rows nearest to `query` among those that `mask` (one flag a row) permits, best first.

        The filter works inside the scan, so what isn't permitted neither takes a place nor moves a score.
        Raises RetrievalError when the query has another dimension than the rows.
        """
        if not k or not mask.any():
            return []
        point = self._point(query)
        scans: list[tuple[Vectors, Mask, int]] = [
            (block, mask[first : first + len(block)], first)
            for first, block in zip(self._firsts, self._blocks, strict=True)
        ]
        threads = self._executor if np.count_nonzero(mask) >= _WORTH_A_THREAD else None
        parts = list((threads.map if threads else map)(lambda scan: _scan(point, k, *scan), scans))
        rows = np.concatenate([part[0] for part in parts])
        scores = np.concatenate([part[1] for part in parts])
        return best_of(rows, scores, k)

    def scored(self, query: bytes, rows: NDArray[np.int64], k: int) -> list[tuple[int, float]]:
        """The k best of these rows, ascending and distinct, by the scores that `search` would give them."""
        if not rows.size:
            return []
        point = self._point(query)
        bounds = np.searchsorted(rows, [*self._firsts, np.iinfo(np.int64).max])
        scores = []
        for number, (block, first) in enumerate(zip(self._blocks, self._firsts, strict=True)):
            asked = rows[bounds[number] : bounds[number + 1]]
            if asked.size:
                gathered = np.ascontiguousarray(block[asked - first])
                found, near = _scan(point, len(gathered), gathered, np.ones(len(gathered), dtype=np.bool_), 0)
                scores.append(near[np.argsort(found)])
        return best_of(rows, np.concatenate(scores), k)

    def _point(self, query: bytes) -> Vectors:
        if len(query) != 4 * self._blocks[0].shape[1]:
            raise RetrievalError("The query and the documents were embedded by different models.")
        return np.frombuffer(query, dtype="<f4").astype(np.float32).reshape(1, -1)


def best_of(rows: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """The k best, best first; earlier rows win ties."""
    order = np.lexsort((rows, -scores))[:k]
    return [(int(rows[at]), float(scores[at])) for at in order]


def _scan(
    point: Vectors, k: int, block: Vectors, mask: Mask, first: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest permitted rows of one block, in no particular order."""
    count = min(k, int(np.count_nonzero(mask)))
    scores, rows = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.int64)
    if count:
        bitmap = np.packbits(mask, bitorder="little")
        faiss.knn_inner_product(
            faiss.swig_ptr(point), faiss.swig_ptr(block), block.shape[1], 1, len(block), count,
            faiss.swig_ptr(scores), faiss.swig_ptr(rows),
            faiss.IDSelectorBitmap(mask.size, faiss.swig_ptr(bitmap)),
        )  # fmt: skip
    return rows + first, scores
