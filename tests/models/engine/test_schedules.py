"""No way of scheduling changes a bit of any answer: cuts, company, hits, preemption, drafts, in any mixture."""

import contextlib
import random
from dataclasses import replace
from functools import partial

import pytest

from secretariat.models.engine.engine import Engine
from secretariat.models.engine.store import EngineMemory
from secretariat.models.errors import ModelError
from tests.models.engine.hybrid import (
    CAREFUL,
    WINDOWED,
    Make,
    Oracle,
    Request,
    alone,
    exact_hybrid,
    new_hybrid,
    prompt_of,
)

SAMPLING = replace(CAREFUL, max_tokens=16, ignore_eos=False)
MAKES: dict[str, Make] = {
    "float32": exact_hybrid,
    "q4": partial(exact_hybrid, form="q4"),
    "windows": partial(exact_hybrid, WINDOWED, step_tokens=8),  # whose rings turn within a request
}
STEMS = [prompt_of(length, seed=9) for length in (19, 37)]


@pytest.mark.parametrize("form", MAKES)
@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_requests_gives_each_what_it_gets_alone(seed: int, form: str):
    draw = random.Random(seed)
    make = MAKES[form]
    engine = _engine(draw, make)
    waiting = [_request(draw) for _ in range(7)]
    asked: list[Request] = []
    for _ in range(2000):
        if waiting and draw.random() < 0.5:
            asked.append(waiting.pop())
            engine.submit(asked[-1].generation)
        if asked and draw.random() < 0.03:
            engine.cancel(draw.choice(asked).generation)
        if draw.random() < 0.05:
            _fork(engine, draw, asked)
        engine.step()
        engine.check_integrity()
        if not waiting and all(one.done for one in asked):
            break
    assert not waiting
    for one in asked:
        expected = alone(one.generation.prompt, SAMPLING, make=make)
        assert one.bits == expected[: len(one.bits)]
        assert one.bits == expected or one.cancelled or _crowded_out(one)
    assert engine.pages_in_use == sum(-(-handle.computed // 16) for handle in engine.handles("a"))


def _crowded_out(one: Request) -> bool:
    """Whether somebody's handles left it no memory."""
    return isinstance(one.last, ModelError) and one.last.code == "overloaded"


def _engine(draw: random.Random, make: Make) -> Engine:
    return new_hybrid(
        make(),
        memory=EngineMemory(pages=draw.choice([7, 10, 40]), slots=draw.choice([2, 5]), snapshots=3),
        drafter=Oracle((2, 1), (0, 0), (3, 0), (0, 3), (1, 0), make=make),
        step_tokens=draw.choice([8, 17, 64]),
        running=draw.choice([2, 5]),
        quantum=32,
        gap=draw.choice([1, 8]),
    )


def _request(draw: random.Random) -> Request:
    stem = draw.choice(STEMS)
    prompt = [*stem[: draw.choice([11, 19, len(stem)])], *prompt_of(draw.choice([1, 9]), draw.randrange(2))]
    return Request(prompt, SAMPLING, tenant=draw.choice("ab"), boundaries=draw.sample(range(len(prompt)), 2))


def _fork(engine: Engine, draw: random.Random, asked: list[Request]) -> None:
    """A handle on somebody's state: with luck there is room for it, and a request that begins there."""
    for handle in engine.handles("a"):
        engine.delete_handle(handle.id, "a")
    mine = [one for one in asked if one.generation.tenant == "a" and not one.done]
    if not mine:
        return
    talking = draw.choice(mine).generation
    with contextlib.suppress(ModelError):  # it waits, or there is no memory for it
        handle = engine.snapshot(talking)
        fork = Request([*handle.tokens, 7], SAMPLING, origin=handle.id)
        engine.submit(fork.generation)
        asked.append(fork)
