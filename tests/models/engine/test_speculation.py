"""Guesses change how many steps an answer takes and nothing else."""

from dataclasses import replace

import pytest

from secretariat.models.core import ChoiceConstraint, JsonSchemaConstraint, SamplingParams
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.speculate import Drafter
from secretariat.models.nets.config import DecoderConfig
from tests.models.engine.hybrid import (
    CAREFUL,
    HYBRID,
    Oracle,
    Request,
    alone,
    exact_hybrid,
    new_hybrid,
    prompt_of,
)
from tests.models.engine.toy import CONFIG, VOCABULARY, run

LONG = replace(CAREFUL, max_tokens=24)
SCRIPTS = [((3, 0),), ((0, 4),), ((2, 2), (0, 0)), ((5, 0), (0, 0), (0, 1), (1, 1)), ((15, 0),)]


@pytest.mark.parametrize("script", SCRIPTS)
def test_right_and_wrong_guesses_give_the_same_bits(script: tuple[tuple[int, int], ...]):
    engine = new_hybrid(drafter=Oracle(*script))
    asked = [Request(prompt_of(length), LONG) for length in (9, 30)]
    run(engine, *asked)
    assert [one.bits for one in asked] == [alone(one.generation.prompt, LONG) for one in asked]
    engine.check_integrity()


def test_right_guesses_save_steps_and_are_counted():
    engine = new_hybrid(drafter=Oracle((3, 0)))
    run(engine, Request(prompt_of(9), LONG))
    assert engine.metrics.steps <= 9
    assert engine.metrics.drafts_accepted == engine.metrics.drafts_proposed >= 15


def test_who_asks_for_no_speculation_gets_none():
    engine = new_hybrid(drafter=Oracle((3, 0)))
    run(engine, Request(prompt_of(9), replace(LONG, speculate=False)))
    assert engine.metrics.drafts_proposed == 0


@pytest.mark.parametrize("config", [HYBRID, CONFIG], ids=["hybrid", "attention"])
@pytest.mark.parametrize("temperature", [0.0, 0.4])
def test_the_engines_own_guesses_change_no_bit(config: DecoderConfig, temperature: float):
    few = tuple((token, 40.0) for token in (65, 66))  # so that an answer repeats itself
    sampling = replace(CAREFUL, max_tokens=40, temperature=temperature, logit_bias=few)
    prompt = prompt_of(20)
    plain, drafted = Request(prompt, replace(sampling, speculate=False)), Request(prompt, sampling)
    run(new_hybrid(exact_hybrid(config)), plain)
    engine = new_hybrid(exact_hybrid(config), drafter=Drafter(VOCABULARY))
    run(engine, drafted)
    assert drafted.bits == plain.bits
    assert drafted.text == plain.text
    assert engine.metrics.drafts_proposed > 0


def test_refused_guesses_are_never_remembered():
    engine = new_hybrid(drafter=Oracle((1, 3)), gap=1)
    first = Request(prompt_of(17), LONG)
    run(engine, first)
    turn = Request([*first.generation.tokens, 1, 2, 3])
    run(engine, turn)
    assert turn.cached >= 32
    assert turn.bits == alone(turn.generation.prompt)


def test_what_a_grammar_forces_costs_no_draw_and_is_computed_with_the_next():
    matcher = Grammars(VOCABULARY).matcher(ChoiceConstraint(("the span of words", "nothing")))
    engine = new_hybrid()
    asked = Request(prompt_of(9), SamplingParams(max_tokens=40), matcher=matcher)
    run(engine, asked)
    assert asked.text in {"the span of words", "nothing"}
    assert engine.metrics.steps <= 3


@pytest.mark.parametrize("step_tokens", [3, 64])
def test_forced_text_longer_than_a_step_is_computed_in_pieces(step_tokens: int):
    schema = '{"type": "object", "properties": {"a_rather_long_name": {"enum": ["x", "yy"]}}, "required":'
    schema += ' ["a_rather_long_name"], "additionalProperties": false}'
    texts = []
    for budget in (step_tokens, 256):
        matcher = Grammars(VOCABULARY).matcher(JsonSchemaConstraint(schema))
        asked = Request(prompt_of(9), SamplingParams(max_tokens=60, top_logprobs=1), matcher=matcher)
        run(new_hybrid(step_tokens=budget, drafter=Drafter(VOCABULARY)), asked)
        texts.append((asked.text, asked.bits))
    assert texts[0] == texts[1]
    assert "a_rather_long_name" in texts[0][0]
