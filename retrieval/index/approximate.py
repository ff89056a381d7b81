"""Which rows are probably near: an inverted file over FAISS codes of 8 bits a dimension, for many rows in reach.

It names candidates; their scores come from the vectors themselves (DenseIndex.search). How much of what is in
reach has to be looked at is measured when it is built, on the vectors it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from secretariat.retrieval.index.dense import DenseIndex, Mask, Vectors

_RECALL = 0.99
_LOOK_CLOSER = 4
"""Candidates for each row wanted: codes of 8 bits put neighbours into nearly the right order."""
_SAMPLE, _REACH_OF_SAMPLE, _NEAREST = 96, 0.25, 10
_NO_LIST = -1


@dataclass(frozen=True, slots=True)
class Shape:
    """What training came to. `lists` says for each row which list it is in, -1 for one that is gone.

    `centres` are [lists, dimension], `ranges` FAISS's trained quantiser, `look_at` the rows in reach that a
    search has to look at to find what is near, `trained_on` those that were there at training.
    """

    centres: Vectors
    ranges: Vectors
    lists: NDArray[np.int32]
    look_at: int
    trained_on: int


class Approximate:
    """Covers the rows [0, len(shape.lists)). Never changes; safe to share between threads."""

    def __init__(self, shape: Shape, blocks: Sequence[Vectors]) -> None:
        """Of a shape that is known, with the vectors of the rows that it covers."""
        self.shape = shape
        self._quantizer = faiss.IndexFlatIP(shape.centres.shape[1])
        self._quantizer.add(shape.centres)
        self._index = _inverted_file(self._quantizer, len(shape.centres))
        faiss.copy_array_to_vector(shape.ranges, self._index.sq.trained)
        self._index.is_trained = True
        first = 0
        for block in blocks:
            self._add(first, block)
            first += len(block)

    @property
    def covered(self) -> int:
        return len(self.shape.lists)

    def holds_what_is_gone(self, live: Mask) -> bool:
        return bool(np.any((self.shape.lists != _NO_LIST) & ~live[: self.covered]))

    @classmethod
    def built(cls, blocks: Sequence[Vectors], live: Mask) -> "Approximate":
        """Trained on the rows that are there; takes a core for some seconds in every 100,000 rows."""
        dimension = blocks[0].shape[1]
        rows = np.flatnonzero(live)
        choose = np.random.default_rng(0)
        centres = max(1, min(int(2 * np.sqrt(rows.size)), rows.size // 40))
        sample = _gathered(blocks, np.sort(choose.choice(rows, min(rows.size, 64 * centres), replace=False)))
        kmeans = faiss.Kmeans(dimension, centres, niter=8, spherical=True, min_points_per_centroid=1, seed=1)
        kmeans.train(sample)
        assert kmeans.centroids is not None
        quantizer = faiss.IndexFlatIP(dimension)
        quantizer.add(kmeans.centroids)
        trained = _inverted_file(quantizer, centres)
        trained.train(sample)
        ranges = faiss.vector_to_array(trained.sq.trained).astype(np.float32)
        shape = Shape(kmeans.centroids, ranges, _assigned(quantizer, blocks, live), 0, rows.size)
        near = cls(shape, blocks)
        near.shape = replace(shape, look_at=_measured(near, blocks, live))
        return near

    def extended(self, blocks: Sequence[Vectors], live: Mask) -> "Approximate":
        """Over more rows, and without those that are gone meanwhile, by the same centres."""
        lists = np.where(live[: self.covered], self.shape.lists, np.int32(_NO_LIST))
        if len(live) > self.covered:
            fresh = live.copy()
            fresh[: self.covered] = False
            assigned = _assigned(self._quantizer, blocks, fresh)
            lists = np.concatenate([lists, assigned[self.covered :]])
        return Approximate(replace(self.shape, lists=lists), blocks)

    def candidates(self, query: bytes, mask: Mask, k: int, look_at: int | None = None) -> NDArray[np.int64]:
        """Rows in reach that hold the k nearest ones with high probability, ascending."""
        mask = mask[: self.covered] & (self.shape.lists != _NO_LIST)
        point = np.frombuffer(query, dtype="<f4").astype(np.float32).reshape(1, -1)
        similarity, order = self._quantizer.search(point, len(self.shape.centres))
        # What is in reach may lie far off: lists are opened until enough of it has been looked at.
        within = np.bincount(self.shape.lists[mask], minlength=len(self.shape.centres))[order[0]]
        # With more in reach than in the sample, no smaller a neighbourhood is looked at than was found to do.
        share = float(within.sum()) / len(self.shape.lists)
        enough = (look_at or self.shape.look_at) * max(1.0, share / _REACH_OF_SAMPLE)
        wanted = max(enough, _LOOK_CLOSER * k)
        opened = int(np.searchsorted(np.cumsum(within), wanted)) + 1
        chosen = np.flatnonzero(within[:opened])
        if not chosen.size:
            return np.empty(0, dtype=np.int64)
        return self._looked_up(point, mask, order[:, chosen], similarity[:, chosen], _LOOK_CLOSER * k)

    def _looked_up(
        self, point: Vectors, mask: Mask, lists: NDArray[np.int64], similarity: Vectors, k: int
    ) -> NDArray[np.int64]:
        bitmap = np.packbits(mask, bitorder="little")
        parameters = faiss.SearchParametersIVF()
        parameters.sel = faiss.IDSelectorBitmap(mask.size, faiss.swig_ptr(bitmap))
        parameters.nprobe = lists.shape[1]
        lists, similarity = np.ascontiguousarray(lists), np.ascontiguousarray(similarity)
        distances, found = np.empty(k, dtype=np.float32), np.empty(k, dtype=np.int64)
        search: Any = self._index
        pairs = False
        search.search_preassigned_c(
            1, faiss.swig_ptr(point), k, faiss.swig_ptr(lists), faiss.swig_ptr(similarity),
            faiss.swig_ptr(distances), faiss.swig_ptr(found), pairs, parameters,
        )  # fmt: skip
        return np.sort(found[found >= 0])

    def _add(self, first: int, block: Vectors) -> None:
        lists = self.shape.lists[first : first + len(block)]
        kept = np.flatnonzero(lists != _NO_LIST)
        if kept.size:
            vectors = np.ascontiguousarray(block[kept])
            ids, own = kept + np.int64(first), lists[kept].astype(np.int64)
            self._index.add_core(kept.size, faiss.swig_ptr(vectors), faiss.swig_ptr(ids), faiss.swig_ptr(own))


def _measured(near: Approximate, blocks: Sequence[Vectors], live: Mask) -> int:
    """The least `look_at`, in doublings, that finds what an exact scan finds, for a sample."""
    choose = np.random.default_rng(2)
    mask = live & (choose.random(len(live)) < _REACH_OF_SAMPLE)
    rows = np.sort(choose.choice(np.flatnonzero(live), min(_SAMPLE, int(live.sum())), replace=False))
    queries = [vector.tobytes() for vector in _gathered(blocks, rows)]
    exact = DenseIndex(blocks)
    in_reach = np.flatnonzero(mask)
    true = [{row for row, _ in exact.search(query, in_reach, _NEAREST)} for query in queries]
    look_at = 1_024
    while look_at < in_reach.size:
        found = [near.candidates(query, mask, _NEAREST, look_at) for query in queries]
        hits = sum(len(nearest & set(rows.tolist())) for nearest, rows in zip(true, found, strict=True))
        if hits >= _RECALL * sum(map(len, true)):
            break
        look_at *= 2
    return look_at


def _inverted_file(quantizer: faiss.Index, lists: int) -> faiss.IndexIVFScalarQuantizer:
    by_residual = False
    return faiss.IndexIVFScalarQuantizer(
        quantizer, quantizer.d, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, by_residual
    )


def _assigned(quantizer: faiss.Index, blocks: Sequence[Vectors], live: Mask) -> NDArray[np.int32]:
    """For each row the list it belongs to."""
    lists = np.full(len(live), _NO_LIST, dtype=np.int32)
    first = 0
    for block in blocks:
        here = np.flatnonzero(live[first : first + len(block)])
        if here.size:
            lists[first + here] = quantizer.assign(np.ascontiguousarray(block[here]), 1)[:, 0]
        first += len(block)
    return lists


def _gathered(blocks: Sequence[Vectors], rows: NDArray[np.int64]) -> Vectors:
    firsts = np.cumsum([0, *(len(block) for block in blocks)])
    bounds = np.searchsorted(rows, firsts)
    return np.concatenate(
        [block[rows[bounds[at] : bounds[at + 1]] - firsts[at]] for at, block in enumerate(blocks)]
    )
