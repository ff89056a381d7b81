import math

import pytest
import torch

from secretariat.models.core import SamplingParams
from secretariat.models.engine.sampler import choose, likeliest, log_probabilities, uniform

LOGITS = torch.tensor([0.0, 3.0, 1.0, 3.0, -torch.inf])


def draws(sampling: SamplingParams, count: int = 400) -> list[int]:
    return [choose(LOGITS, sampling, position) for position in range(count)]


def test_greedy_takes_the_lowest_of_equals():
    assert choose(LOGITS, SamplingParams(), 0) == 1


def test_uniform_is_a_function_of_seed_and_position_and_is_spread_evenly():
    numbers = [uniform(5, position) for position in range(2000)]
    assert numbers == [uniform(5, position) for position in range(2000)]
    assert numbers != [uniform(6, position) for position in range(2000)]
    assert 0 <= min(numbers) < 0.01
    assert 0.99 < max(numbers) < 1
    assert abs(sum(numbers) / 2000 - 0.5) < 0.02


def test_a_negative_seed_is_a_seed():
    assert 0 <= uniform(-3, 1) < 1


def test_frequencies_follow_the_distribution():
    counts = torch.bincount(torch.tensor(draws(SamplingParams(temperature=1.0, seed=1), 6000)), minlength=5)
    assert torch.allclose(counts / 6000, LOGITS.softmax(0), atol=0.02)


def test_a_forbidden_token_is_never_drawn():
    assert 4 not in draws(SamplingParams(temperature=2.0, seed=2), 3000)


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (SamplingParams(temperature=1.0, top_k=1), {1, 3}),
        (SamplingParams(temperature=1.0, top_k=2), {1, 3}),
        (SamplingParams(temperature=1.0, top_k=99), {0, 1, 2, 3}),
        (SamplingParams(temperature=1.0, top_p=0.5), {1, 3}),
        (SamplingParams(temperature=1.0, top_p=0.95), {1, 2, 3}),
        (SamplingParams(temperature=1.0, top_k=3, top_p=0.5), {1, 3}),
    ],
)
def test_top_k_and_top_p_cut_the_tail(sampling: SamplingParams, allowed: set[int]):
    assert set(draws(sampling)) <= allowed


def test_a_nucleus_wider_than_the_head_is_still_exact():
    flat = torch.zeros(5000)
    drawn = {choose(flat, SamplingParams(temperature=1.0, top_p=0.9), position) for position in range(300)}
    assert len(drawn) > 200


def test_log_probabilities_are_normalised_over_what_is_allowed():
    values = log_probabilities(LOGITS)
    assert math.isclose(float(values.exp().sum()), 1, rel_tol=1e-6)
    assert [token for token, _ in likeliest(values, 10)] in ([1, 3, 2, 0], [3, 1, 2, 0])
