"""Mixtures of vectors: the sum of the matrices that they stand for, and weights found from a score alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from secretariat.models.errors import ModelError
from secretariat.models.experts.mixing import mixed, search
from secretariat.models.nets.adapters import SvfVector

MATRICES, DIRECTIONS = 3, 4


def vector(seed: int) -> SvfVector:
    draw = np.random.default_rng(seed)
    z = tuple(draw.normal(1, 0.2, DIRECTIONS).astype(np.float32) for _ in range(MATRICES))
    rest, scale = (tuple(draw.normal(1, 0.2, MATRICES).tolist()) for _ in range(2))
    return SvfVector(str(seed), "0" * 64, "1" * 64, z, rest, scale)


def gains(one: SvfVector) -> np.ndarray:
    """The factor of every singular value of every matrix, the last for all that aren't leading."""
    return np.array([[*(s * z), s * r] for z, r, s in zip(one.z, one.rest, one.scale, strict=True)])


def test_a_mixture_is_the_weighted_sum_of_what_its_vectors_do():
    one, two = vector(1), vector(2)
    made = mixed("both", [one, two], (0.25, 0.75))
    assert np.allclose(gains(made), 0.25 * gains(one) + 0.75 * gains(two), atol=1e-6)
    assert (made.name, made.basis) == ("both", one.basis)
    assert np.allclose(gains(mixed("one", [one, two], (1.0, 0.0))), gains(one), atol=1e-6)


@pytest.mark.parametrize("change", [{"basis": "2" * 64}, {"acts": "answer"}])
def test_vectors_that_do_not_belong_together_are_refused(change: dict[str, Any]):
    with pytest.raises(ModelError) as caught:
        mixed("both", [vector(1), replace(vector(2), **change)], (0.5, 0.5))
    assert caught.value.code == "adapter_invalid"


def test_weights_are_found_by_their_score_alone_and_the_same_every_time():
    best = np.array([0.2, 0.7, 0.1])

    def score(weights: tuple[float, ...]) -> float:
        return -float(np.square(np.array(weights) - best).sum())

    found = search(score, 3, seed=4)
    assert found == search(score, 3, seed=4)
    assert found.score > -0.01
    assert np.isclose(sum(found.weights), 1)
    assert list(found.rounds) == sorted(found.rounds)


def test_a_mixture_is_never_worse_than_the_best_of_its_parts():
    found = search(lambda weights: float(weights == (0.0, 1.0)), 2, rounds=1, candidates=1)
    assert found.weights == (0.0, 1.0)
