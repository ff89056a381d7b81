import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from secretariat.models.core import SamplingParams
from secretariat.models.engine import sampler
from secretariat.models.engine.sampler import (
    Chooser,
    drawing_functions,
    likeliest,
    log_probabilities,
    random_bits,
)
from secretariat.models.kernels.library import Library
from secretariat.models.kernels.processor import ISAS
from secretariat.models.kernels.sampling import reference
from secretariat.models.kernels.sampling.reference import packed

LOGITS = torch.tensor([0.0, 3.0, 1.0, 3.0, 2.0])
ALLOWED = packed(np.array([True, True, True, True, False]))
DRAW, _ = drawing_functions(len(LOGITS))


def choose(sampling: SamplingParams, tokens: Sequence[int] = (), prompt: Sequence[int] = ()) -> int:
    return Chooser(DRAW, sampling, prompt, len(LOGITS)).choose(LOGITS, ALLOWED, [*prompt, *tokens])


def draws(sampling: SamplingParams, count: int = 400) -> list[int]:
    """At `count` positions, each on its own."""
    chooser = Chooser(DRAW, sampling, (), len(LOGITS))
    return [chooser.choose(LOGITS, ALLOWED, [0] * position) for position in range(count)]


def test_greedy_takes_the_lowest_of_equals():
    assert choose(SamplingParams()) == 1


def test_random_bits_are_a_function_of_seed_and_position_and_are_spread_evenly():
    numbers = [random_bits(5, position) / 2**64 for position in range(2000)]
    assert numbers == [random_bits(5, position) / 2**64 for position in range(2000)]
    assert numbers != [random_bits(6, position) / 2**64 for position in range(2000)]
    assert 0 <= min(numbers) < 0.01
    assert 0.99 < max(numbers) < 1
    assert abs(sum(numbers) / 2000 - 0.5) < 0.02


def test_a_negative_seed_is_a_seed():
    assert random_bits(-3, 1) != random_bits(3, 1)


def test_a_draw_does_not_depend_on_what_was_drawn_for_others():
    sampling = SamplingParams(temperature=1.5, seed=9)
    alone = draws(sampling, 50)
    chooser, other = (
        Chooser(DRAW, s, (), len(LOGITS)) for s in (sampling, SamplingParams(temperature=1, seed=1))
    )
    mixed = []
    for position in range(50):
        other.choose(LOGITS, ALLOWED, [0] * position)
        mixed.append(chooser.choose(LOGITS, ALLOWED, [0] * position))
    assert mixed == alone


def test_a_forbidden_token_is_never_drawn():
    assert set(draws(SamplingParams(temperature=2.0, seed=2), 1000)) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (SamplingParams(temperature=1.0, top_k=1), {1}),
        (SamplingParams(temperature=1.0, top_k=2), {1, 3}),
        (SamplingParams(temperature=1.0, top_k=99), {0, 1, 2, 3}),
        (SamplingParams(temperature=1.0, top_p=0.4), {1}),
        (SamplingParams(temperature=1.0, top_p=0.5), {1, 3}),
        (SamplingParams(temperature=1.0, top_p=0.95), {1, 2, 3}),
        (SamplingParams(temperature=1.0, top_k=3, top_p=0.6), {1, 3}),
        (SamplingParams(temperature=1.0, min_p=math.exp(-2.1)), {1, 2, 3}),
        (SamplingParams(temperature=2.0, min_p=math.exp(-1.1)), {1, 2, 3}),
        (SamplingParams(temperature=1.0, min_p=1.0), {1, 3}),
    ],
)
def test_cuts_take_the_tail(sampling: SamplingParams, allowed: set[int]):
    assert set(draws(sampling)) == allowed


def test_a_bias_decides_and_one_beyond_the_vocabulary_is_ignored():
    assert choose(SamplingParams(logit_bias=((0, 4.0), (99, 100.0)))) == 0
    assert choose(SamplingParams(logit_bias=((1, -100.0),))) == 3
    assert choose(SamplingParams(logit_bias=((4, 100.0),))) == 1, "a bias opened what is forbidden"


@pytest.mark.parametrize(
    ("sampling", "of_the_prompt"),
    [
        (SamplingParams(presence_penalty=0.5), 1),
        (SamplingParams(frequency_penalty=0.5), 1),
        (SamplingParams(repetition_penalty=1.2), 3),
    ],
)
def test_what_was_drawn_is_drawn_less(sampling: SamplingParams, of_the_prompt: int):
    assert choose(sampling, [1]) == 3
    assert choose(sampling, [1, 3]) == 1
    assert choose(sampling, prompt=[1]) == of_the_prompt


def test_frequency_counts_and_presence_does_not():
    often = [1, 3, 3, 1, 1]
    assert choose(SamplingParams(presence_penalty=0.9), often) == 1
    assert choose(SamplingParams(frequency_penalty=0.3), often) == 3
    assert choose(SamplingParams(frequency_penalty=1.0), [1, 1, 1, 3, 3, 3]) == 2


def test_the_prompt_counts_for_repetition_alone():
    sampling = SamplingParams(repetition_penalty=1.01, presence_penalty=2.5, frequency_penalty=2.5)
    assert choose(sampling, prompt=[1, 3, 1, 3]) == 1


def test_following_token_by_token_is_the_same_as_seeing_all_at_once():
    width = 700
    (draw, _), everything = drawing_functions(width), packed(np.ones(width, dtype=np.bool_))
    sampling = SamplingParams(
        temperature=1.0,
        repetition_penalty=1.4,
        presence_penalty=0.3,
        frequency_penalty=0.2,
        logit_bias=((5, 1.0),),
    )
    prompt = list(range(0, 600, 2))
    grown, tokens = Chooser(draw, sampling, prompt, width), list(prompt)
    for position in range(40):
        logits = torch.randn(width, generator=torch.Generator().manual_seed(position))
        expected = Chooser(draw, sampling, prompt, width).choose(logits, everything, tokens)
        tokens.append(grown.choose(logits, everything, tokens))
        assert tokens[-1] == expected


def test_log_probabilities_are_the_models_over_what_is_allowed():
    values = log_probabilities(LOGITS, ALLOWED)
    torch.testing.assert_close(torch.from_numpy(values[:4]), LOGITS[:4].log_softmax(0))
    assert values[4] == -torch.inf
    assert likeliest(values, 10) == [(i, float(values[i])) for i in (1, 3, 2, 0)]
    assert [token for token, _ in likeliest(values, 1)] == [1]
    assert likeliest(values, 0) == []


def test_where_the_compiled_draw_does_not_build_numpy_draws_and_the_log_says_so(
    tmp_path, monkeypatch, caplog
):
    broken = Library(ISAS["portable"], tmp_path, None)
    monkeypatch.setattr(sampler, "library", lambda: broken)
    draw, likeliest = sampler.drawing_functions(8)
    assert (draw, likeliest) == (reference.draw, reference.likeliest)
    assert "NumPy draws" in caplog.text
