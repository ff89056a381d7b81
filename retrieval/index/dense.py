"""Vectors by cosine: an exact FAISS index over unit vectors. Rows are the view's numbers for its chunks."""

from collections.abc import Sequence

import faiss
import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.errors import RetrievalError

Mask = NDArray[np.bool_]


class DenseIndex:
    """Inner products of float32 unit vectors, all of one dimension. Not safe for concurrent use."""

    def __init__(self) -> None:
        self._index: faiss.IndexIDMap2 | None = None

    def add(self, rows: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Raises RetrievalError when a vector's dimension isn't the index's."""
        if not rows:
            return
        dim = len(vectors[0]) // 4
        if self._index is None:
            self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        if any(len(vector) != 4 * self._index.d for vector in vectors):
            raise RetrievalError("The chunks were embedded by different models. Embed the documents anew.")
        matrix = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(rows), dim)
        self._index.add_with_ids(matrix, np.asarray(rows, dtype=np.int64))

    def remove(self, rows: Sequence[int]) -> None:
        if self._index is not None and rows:
            self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(rows, dtype=np.int64)))

    def vector(self, row: int) -> bytes:
        """The vector of a row, bit for bit as it was added."""
        assert self._index is not None
        return np.asarray(self._index.reconstruct(row), dtype="<f4").tobytes()

    def search(self, query: bytes, mask: Mask, k: int) -> list[tuple[int, float]]:
        """The k rows nearest to `query` among those that `mask` (one flag a row) permits, best first.

        The filter works inside the scan, so what isn't permitted neither takes a place nor moves a score.
        """
        count = min(k, int(mask.sum()))
        if self._index is None or not count:
            return []
        if len(query) != 4 * self._index.d:
            raise RetrievalError("The query and the documents were embedded by different models.")
        bitmap = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(mask.size, faiss.swig_ptr(bitmap))
        parameters = faiss.SearchParameters()
        parameters.sel = selector
        point = np.frombuffer(query, dtype="<f4").reshape(1, -1)
        scores, rows = self._index.search(point, count, params=parameters)
        found = [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))
