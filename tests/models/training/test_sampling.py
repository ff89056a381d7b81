"""Answers from the engine while an adapter learns: their seeds are their own, and a prompt is computed once."""

import torch

from secretariat.models.core import SamplingParams
from secretariat.models.nets.adapters import AdapterPlan, Lora, LowRank
from secretariat.models.nets.load import load_chat_model
from secretariat.models.training.examples import Task
from secretariat.models.training.rewards import Expected
from secretariat.models.training.sampling import Answer, Sampler
from tests.models.training.tiny_chat import WIDTH

SAMPLING = SamplingParams(max_tokens=6, temperature=1.0, seed=5)
LONG, SHORT = (Task(prompt, Expected.of({}, {}), "t") for prompt in (tuple(range(60)), (3, 4)))


def sampler(chat_folder) -> Sampler:
    found = Sampler(load_chat_model(chat_folder, threads=1, adapters=AdapterPlan(rows=1, rank=2)), longest=96)
    found.learn(adapter(0.0))
    return found


def adapter(size: float) -> Lora:
    piece = LowRank("layers.0.feed_forward.down", 0, torch.ones(2, 48), torch.full((WIDTH, 2), size))
    return Lora("low", "", (piece,))


def tokens(groups: list[list[Answer]]) -> list[list[tuple[int, ...]]]:
    return [[answer.tokens for answer in group] for group in groups]


def test_a_prompt_is_computed_once_for_all_of_its_answers(chat_folder):
    first, *others = sampler(chat_folder).answers([LONG], 4, SAMPLING)[0]
    assert first.cached == 0
    assert all(answer.cached >= 48 for answer in others)
    assert len({answer.tokens for answer in (first, *others)}) == 4


def test_an_answer_is_the_same_in_any_company_and_another_with_another_seed(chat_folder):
    one = sampler(chat_folder)
    alone = tokens(one.answers([LONG], 2, SAMPLING))
    assert tokens(one.answers([LONG, SHORT], 5, SAMPLING))[0][:2] == alone[0]
    other = SamplingParams(max_tokens=6, temperature=1.0, seed=6)
    assert tokens(one.answers([LONG], 2, other)) != alone


def test_nothing_is_left_of_an_adapter_that_moved_on(chat_folder):
    moved, fresh = sampler(chat_folder), sampler(chat_folder)
    before = tokens(moved.answers([LONG], 2, SAMPLING))
    for one in (moved, fresh):
        one.learn(adapter(0.5))
    after = moved.answers([LONG], 2, SAMPLING)
    assert after[0][0].cached == 0
    assert tokens(after) == tokens(fresh.answers([LONG], 2, SAMPLING)) != before
