"""Prompts that are read once: the same losses and gradients as reading each example whole."""

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from secretariat.models.nets.adapters import acts_from
from secretariat.models.nets.config import LayerSpec
from secretariat.models.training.acting import acting
from secretariat.models.training.drawn_answers import BehindPrompts, WithPrompts
from secretariat.models.training.examples import Example
from secretariat.models.training.job import Job, Learn
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.packing import Rows
from secretariat.models.training.parts import LoraPart
from secretariat.models.training.recipes.sft import Supervised
from secretariat.models.training.shared_prompts import Answered, grouped
from tests.models.nets.tiny import ATTENTION, KINDS, MAMBA2, MLP, NORM, config, random_decoder

HEADER = 3


def examples(draw: random.Random, questions: int) -> list[Example]:
    """Two beginnings, each with `questions` of its own; lengths all differ."""
    found = []
    for sources in range(2):
        beginning = [draw.randrange(1, 60) for _ in range(40 + sources)]
        for number in range(questions):
            asked = [draw.randrange(1, 60) for _ in range(6 + number)]
            answer = [draw.randrange(1, 60) for _ in range(4 + number)]
            tokens = [*beginning, *asked, *answer]
            learn = [False] * (len(tokens) - len(answer)) + [True] * len(answer)
            found.append(Example(tokens, learn, f"{sources}/{number}"))
    return found


def test_what_begins_alike_is_read_together():
    some = examples(random.Random(1), 3)
    groups = grouped(some, "answer", HEADER, 500)
    assert sorted(len(group.examples) for group in groups) == [3, 3]
    assert {group.shared for group in groups} == {40, 41}
    assert sum(group.tokens for group in groups) < sum(len(example.tokens) for example in some)
    assert all(len(group.examples) == 1 for group in grouped(some, "answer", HEADER, 60)), "none of two fits"


def test_an_adapter_begins_where_the_question_does_or_else_with_the_answer():
    assert [acts_from("question", 50, asked, HEADER) for asked in (40, None)] == [40, 50 - HEADER]
    assert [acts_from(acts, 50, 40, HEADER) for acts in ("answer", "always")] == [50 - HEADER, 0]


WINDOWED = config(*[LayerSpec((replace(ATTENTION, window=16, sinks=2), MAMBA2), MLP, NORM)] * 2)


@pytest.mark.parametrize("acts", ["answer", "question"])
@pytest.mark.parametrize("shape", [*KINDS.values(), WINDOWED], ids=[*KINDS, "windowed"])
def test_losses_and_gradients_are_those_of_whole_examples(shape, acts):
    some = [replace(one, asked=41) for one in examples(random.Random(2), 3)]
    decoder = random_decoder(shape, std=0.3).double()
    part = LoraPart(decoder, rank=2, alpha=4.0, partial=True)
    learnt = Learnt([part])
    draw = torch.Generator().manual_seed(1)
    learnt.masters.values.copy_(torch.randn(learnt.masters.values.shape, generator=draw) * 0.1)
    job = Job(recipe="sft", model="", data=(), row_tokens=400, batch_tokens=400, learn=Learn(acts=acts))

    def place(rows: Rows) -> None:
        part.acting_BT = acting(rows, acts, HEADER)

    found: list[Any] = []
    objectives: tuple[Any, ...] = (
        Supervised(decoder, job, some, some, place),
        Answered(decoder, learnt, HEADER, job, some, some),
    )
    for objective in objectives:
        part.acting_BT = None
        learnt.masters.gradients.zero_()
        (whole,) = objective.batch(0)
        measured = objective.loss(whole)
        measured.loss.backward()
        with torch.no_grad():
            held_out = objective.held_out()["held_out"]
        found.append((measured.loss.detach(), learnt.masters.gradients.clone(), held_out))
    (loss, gradients, held_out), (same_loss, same_gradients, same_held_out) = found
    torch.testing.assert_close(same_loss, loss)
    torch.testing.assert_close(same_gradients, gradients)
    assert gradients.abs().max() > 1e-4
    assert same_held_out == pytest.approx(held_out)


@pytest.mark.parametrize("acts", ["answer", "question"])
def test_answers_behind_a_prompt_that_is_read_once_are_as_probable_as_with_their_own(acts):
    """Answers of a round, in whatever rows: as likely, the same gradient, and each with its own number."""
    some = [replace(one, asked=41) for one in examples(random.Random(3), 3)]
    again = [replace(one, tokens=[*one.tokens[:-1], 7]) for one in some]  # other answers to the same prompts
    drawn = [answer for pair in zip(some, again, strict=True) for answer in pair]
    decoder = random_decoder(WINDOWED, std=0.3).double()
    part = LoraPart(decoder, rank=2, alpha=4.0, partial=True)
    learnt = Learnt([part])
    draw = torch.Generator().manual_seed(1)
    learnt.masters.values.copy_(torch.randn(learnt.masters.values.shape, generator=draw) * 0.1)
    job = Job(recipe="grpo", model="", data=(), row_tokens=200, learn=Learn(acts=acts))

    def place(rows: Rows) -> None:
        part.acting_BT = acting(rows, acts, HEADER)

    kept = [5, 0, 7, 3, 2, 10, 11]
    found: list[tuple[dict[int, Tensor], Tensor, int]] = []
    for reading in (WithPrompts(decoder, place, job), BehindPrompts(decoder, learnt, HEADER, job)):
        part.acting_BT = None
        learnt.masters.gradients.zero_()
        said: dict[int, Tensor] = {}
        read = 0
        for row in reading.rows(drawn, kept):
            said_M = reading.said(row)
            (said_M * (1 + row.learnt_documents_M)).sum().backward()
            for number in row.learnt_documents_M.unique().tolist():
                said[number] = said_M[row.learnt_documents_M == number].detach()
            read += row.tokens
            assert row.learnt == len(said_M)
        found.append((said, learnt.masters.gradients.clone(), read))
    (apart, gradients, tokens), (together, same_gradients, fewer) = found
    assert sorted(apart) == sorted(together) == sorted(kept)
    for number in kept:
        torch.testing.assert_close(together[number], apart[number])
    torch.testing.assert_close(same_gradients, gradients)
    assert fewer < 0.7 * tokens
