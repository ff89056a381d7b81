"""Mixtures of singular-value vectors, and the search for weights that suit a few examples of a new kind of task.

A mixture of vectors over one basis is a vector over that basis, so it is saved, loaded and batched as any other.

Shape letters: K vectors, C candidates of a round.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import SvfVector

Weights = tuple[float, ...]
_SPREAD, _NARROWEST = 1.5, 0.05  # of the search's logits


@dataclass(frozen=True, slots=True)
class Found:
    """`rounds`: the best score after each."""

    weights: Weights
    score: float
    rounds: tuple[float, ...]


def mixed(name: str, vectors: Sequence[SvfVector], weights: Weights) -> SvfVector:
    """Each matrix's factors are the weighted sum of the vectors'. Raises ModelError adapter_invalid for vectors
    that don't share a basis or don't act from the same token on."""
    if len(vectors) != len(weights) or not vectors:
        raise _invalid(name, f"{len(weights)} weights for {len(vectors)} vectors")
    if len({(vector.basis, vector.acts) for vector in vectors}) > 1:
        raise _invalid(name, "its vectors were made over different bases, or act from different tokens on")
    shares = list(zip(weights, vectors, strict=True))
    matrices = range(len(vectors[0].z))
    z = tuple(
        np.asarray(np.sum([w * v.scale[m] * v.z[m].astype(float) for w, v in shares], axis=0), np.float32)
        for m in matrices
    )
    rest = tuple(float(sum(w * v.scale[m] * v.rest[m] for w, v in shares)) for m in matrices)
    digest = hashlib.sha256(b"".join(part.tobytes() for part in (*z, np.array(rest)))).hexdigest()
    first = vectors[0]
    return SvfVector(name, digest, first.basis, z, rest, (1.0,) * len(matrices), first.acts)


def search(
    score: Callable[[Weights], float],
    parts: int,
    *,
    seed: int = 0,
    rounds: int = 6,
    candidates: int = 12,
    elite: int = 3,
) -> Found:
    """Weights that sum to 1, by the cross-entropy method over their logits. Higher scores are better.

    The first round tries each vector alone and all alike, so what is found is never worse, on these examples, than
    the best of them. Deterministic by `seed` where `score` is.
    """
    draw = np.random.default_rng(seed)
    mean_K, spread_K = np.zeros(parts), np.full(parts, _SPREAD)
    scored: dict[Weights, float] = {}
    best: list[float] = []
    for turn in range(rounds):
        logits_CK = mean_K + spread_K * draw.standard_normal((candidates, parts))
        tried = [(_shares(logits_K), logits_K) for logits_K in logits_CK]
        if turn == 0:
            tried = [*_corners(parts), *tried]
        for weights, _ in tried:
            if weights not in scored:
                scored[weights] = score(weights)
        tried.sort(key=lambda entry: -scored[entry[0]])
        leading_EK = np.stack([logits_K for _, logits_K in tried[:elite]])
        mean_K, spread_K = leading_EK.mean(axis=0), np.maximum(leading_EK.std(axis=0), _NARROWEST)
        best.append(max(scored.values()))
    weights = max(scored, key=lambda key: scored[key])
    return Found(weights, scored[weights], tuple(best))


def _shares(logits_K: npt.NDArray[np.float64]) -> Weights:
    raised_K = np.exp(logits_K - logits_K.max())
    return tuple(float(share) for share in raised_K / raised_K.sum())


def _corners(parts: int) -> list[tuple[Weights, npt.NDArray[np.float64]]]:
    alone = [
        (tuple(float(k == n) for k in range(parts)), np.where(np.arange(parts) == n, 2 * _SPREAD, -_SPREAD))
        for n in range(parts)
    ]
    return [((1 / parts,) * parts, np.zeros(parts)), *alone]


def _invalid(name: str, problem: str) -> ModelError:
    return ModelError("adapter_invalid", f"{name}: {problem}", param="adapter")
