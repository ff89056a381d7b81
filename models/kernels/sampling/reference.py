"""The draw in NumPy: what the compiled function repeats bit for bit, and what runs without a compiler.

See README.md for the definition. Shape letters: V vocabulary, W words of 32 mask bits, P tokens seen before,
B tokens with a bias, C candidates, M rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint32]

LOWEST = -22.0  # e^-22 is less than half a unit of weight
_STEEPEST = 1e30
_ONE = 30  # the likeliest token weighs 2^30
_ROUNDER = np.float32(1.5 * 2**23)
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_EXP = [
    np.float32(c)
    for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
]


@dataclass(frozen=True, slots=True)
class Rule:
    """`scale`: 1 / temperature, 0 is greedy. `floor`: the least z to be drawn. `top_k` 0 and `top_p` 1: off."""

    scale: float = 0.0
    floor: float = LOWEST
    top_k: int = 0
    top_p: float = 1.0

    @classmethod
    def of(cls, temperature: float, *, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> Self:
        scale = 0.0 if temperature <= 0 else min(1 / max(temperature, 1 / _STEEPEST), _STEEPEST)
        floor = LOWEST if min_p <= 0 else max(math.log(min(min_p, 1.0)), LOWEST)
        return cls(scale, floor, max(top_k, 0), top_p)

    @property
    def cuts(self) -> bool:
        return self.top_k > 0 or self.top_p < 1


@dataclass(frozen=True, slots=True)
class Edits:
    """What changes logits before the mask. `seen_P` and `biased_B` are distinct ids, `counts_P` draws of each."""

    seen_P: Ints
    counts_P: Ints
    biased_B: Ints
    bias_B: Floats
    repetition: float = 1.0
    frequency: float = 0.0
    presence: float = 0.0


def draw(logits_V: Tensor, allowed_W: Words, rule: Rule, edits: Edits | None = None, bits: int = 0) -> int:
    """The token, or -1 where none may be drawn. `bits`: 64 random ones, unused by a greedy rule."""
    x_V = logits_V.numpy() if edits is None else edited(logits_V.numpy(), edits)
    ids_C = np.flatnonzero(unpacked(allowed_W, len(x_V)) & (x_V > -np.inf))
    if not len(ids_C):
        return -1
    x_C = x_V[ids_C]
    best = int(x_C.argmax())
    if rule.scale == 0:
        return int(ids_C[best])
    with np.errstate(invalid="ignore", over="ignore"):
        z_C = (x_C - x_C[best]) * np.float32(rule.scale)
    weights_C = np.where(z_C >= np.float32(rule.floor), weights(z_C), 0)
    if rule.cuts:
        weights_C[~_kept(x_C, weights_C, rule)] = 0
    mass_C = weights_C.cumsum(dtype=np.int64)
    target = bits * int(mass_C[-1]) >> 64
    drawn = int(np.searchsorted(mass_C, target, side="right")) if mass_C[-1] else best
    return int(ids_C[drawn])


def likeliest(logits_MV: Tensor, allowed_M: Sequence[Words | None]) -> list[int]:
    """The greedy draw of every row under its mask; -1 where no token may be drawn or the mask is None."""
    return [
        -1 if allowed_W is None else draw(logits_V, allowed_W, Rule())
        for logits_V, allowed_W in zip(logits_MV, allowed_M, strict=True)
    ]


def edited(logits_V: Floats, edits: Edits) -> Floats:
    """A copy with penalties and biases."""
    x_V, seen_P, f = logits_V.copy(), edits.seen_P, np.float32
    x_P, counts_P = x_V[seen_P], edits.counts_P
    x_P = np.where(x_P > 0, x_P / f(edits.repetition), x_P * f(edits.repetition))
    penalties_P = f(edits.frequency) * counts_P.astype(np.float32) + f(edits.presence)
    x_V[seen_P] = np.where(counts_P > 0, x_P - penalties_P, x_P)
    x_V[edits.biased_B] += edits.bias_B
    return x_V


def weights(z_C: Floats) -> Ints:
    """2^30 e^z, rounded down; 0 below -22 and for NaN."""
    z_C = np.where(z_C > np.float32(LOWEST), z_C, np.float32(LOWEST))
    n_C = (z_C * _LOG2_E + _ROUNDER) - _ROUNDER
    r_C = (z_C - n_C * _LN2_HIGH) - n_C * _LN2_LOW
    p_C = np.full_like(r_C, _EXP[0])
    for coefficient in _EXP[1:]:
        p_C = p_C * r_C + coefficient
    p_C = p_C * (r_C * r_C) + (r_C + np.float32(1))
    weights_C: Ints = np.ldexp(p_C, n_C.astype(np.int32) + _ONE).astype(np.int32)
    return weights_C


def _kept(x_C: Floats, weights_C: Ints, rule: Rule) -> npt.NDArray[np.bool_]:
    drawable_D = np.flatnonzero(weights_C)
    order_D = drawable_D[np.argsort(-x_C[drawable_D], kind="stable")]
    if rule.top_k:
        order_D = order_D[: rule.top_k]
    if rule.top_p < 1:
        mass_D = weights_C[order_D].cumsum(dtype=np.int64)
        need = max(1, math.ceil(rule.top_p * int(mass_D[-1]))) if len(mass_D) else 0
        order_D = order_D[: int(np.searchsorted(mass_D, need)) + 1]
    kept_C = np.zeros(len(x_C), dtype=np.bool_)
    kept_C[order_D] = True
    return kept_C


def packed(allowed_V: npt.NDArray[np.bool_]) -> Words:
    """[V] to bits, the lowest first; those behind the end are 0."""
    bits = np.zeros(-(-len(allowed_V) // 32) * 32, dtype=np.bool_)
    bits[: len(allowed_V)] = allowed_V
    return np.packbits(bits, bitorder="little").view(np.uint32)


def unpacked(words_W: Words, count: int) -> npt.NDArray[np.bool_]:
    """The first `count` bits."""
    return np.unpackbits(words_W.view(np.uint8), count=count, bitorder="little").view(np.bool_)
