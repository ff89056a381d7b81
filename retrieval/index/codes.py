"""Vectors in 8 bits a dimension: which rows can be among the nearest, read from a quarter of the memory.

Names candidates and leaves out none that could be one; their scores come from the vectors themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import simsimd
from numpy.typing import NDArray

_MOST = 127
_ROUNDING = 1e-5
"""More than a sum of float32 is off."""
_TOGETHER = 1_024
"""Rows brought together at a time: they stay in the second-level cache until they are multiplied."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Vector n is `values[n] * steps[n]`, int8 [rows, dimension], but for a difference no longer than `off`.
    `longest` is the greatest length of a coded vector."""

    values: NDArray[np.int8]
    steps: NDArray[np.float32]
    off: float
    longest: float

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> "Codes":
        steps = np.abs(vectors).max(axis=1, initial=0) / np.float32(_MOST)
        steps[steps == 0] = 1
        values = np.rint(vectors / steps[:, None]).astype(np.int8)
        coded = values * steps[:, None]
        return cls(values, steps, _longest(vectors - coded), _longest(coded))

    def scores(self, point: "Codes", rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Inner products of the coded rows with the coded point."""
        dimension = self.values.shape[1]
        whole = self.values.view(f"V{dimension}")[:, 0]
        products = np.empty(rows.size)
        room = np.empty(min(rows.size, _TOGETHER), dtype=whole.dtype)
        for first in range(0, rows.size, _TOGETHER):
            part = rows[first : first + _TOGETHER]
            gathered = whole.take(part, out=room[: part.size], mode="clip").view(np.int8)
            near = simsimd.cdist(point.values, gathered.reshape(-1, dimension), "dot")
            products[first : first + part.size] = np.asarray(near)[0]
        return np.asarray(products * (self.steps.take(rows) * point.steps[0]))


def possible(
    point: NDArray[np.float32], parts: Sequence[tuple[Codes, NDArray[np.int64]]], k: int
) -> NDArray[np.bool_]:
    """Flags those of the blocks' rows that can be among the k nearest to a point: all that are, and few others.

    A row's score is within `off` of its codes' score; so the k-th best lies no lower than the k-th best codes say
    less `off`, and who is to reach it has codes that say that less `off` again.
    """
    coded = Codes.of(point.reshape(1, -1))
    scores = np.concatenate([codes.scores(coded, rows) for codes, rows in parts])
    if scores.size <= k:
        return np.ones(scores.size, dtype=np.bool_)
    length = float(np.linalg.norm(point))
    off = max(length * codes.off + coded.off * codes.longest for codes, _ in parts) + _ROUNDING
    return np.asarray(scores >= np.partition(scores, scores.size - k)[scores.size - k] - 2 * off)


def _longest(vectors: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.einsum("rd,rd->r", vectors, vectors).max(initial=0)))
