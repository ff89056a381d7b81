"""The drawer over logits that depend on the tokens before: speculation on or off, the output is the same."""

import json
import random
from collections.abc import Callable

import pytest
import torch

from secretariat.models.core import (
    CitationConstraint,
    Constraint,
    JsonSchemaConstraint,
    SamplingParams,
    VerbatimSpanConstraint,
)
from secretariat.models.engine.drawing import Drawer
from secretariat.models.engine.events import Drawn, Emission
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.request import Generation
from secretariat.models.errors import ModelError
from tests.models.engine.toy_vocabulary import CONTROL, EOS, VOCABULARY

WIDTH = 272
GRAMMARS = Grammars(VOCABULARY)
SCHEMA = JsonSchemaConstraint(
    json.dumps({"type": "object", "properties": {"kind": {"enum": ["search", "answer"]}, "n": {"type": "integer"}},
                "required": ["kind", "n"], "additionalProperties": False})
)  # fmt: skip
SPAN = VerbatimSpanConstraint(("the words of the span and not the rest", "of the other text"), "none")
CITING = CitationConstraint(("1", "2"))
Guess = Callable[[Generation, random.Random], list[int]]


def row_after(tokens: list[int]) -> torch.Tensor:
    """Logits that repeat themselves often enough for guesses to come true."""
    draw = torch.Generator().manual_seed(hash(tuple(tokens[-3:])) % 2**31)
    row = torch.randn(WIDTH, generator=draw) * 2
    row[EOS] -= 2
    row[[ord("<"), ord("c"), ord("o"), ord(":"), ord(" "), ord("1"), ord(">"), ord("/")]] += 3
    return row


def run(
    sampling: SamplingParams,
    constraint: Constraint | None,
    guess: Guess,
    seed: int = 0,
    *,
    foresee: bool = True,
) -> list[Emission]:
    """One answer, as an engine would draw it; the last emission ends it."""
    matcher = GRAMMARS.matcher(constraint) if constraint is not None else None
    generation = Generation("a", tuple(VOCABULARY.encode(f"prompt {seed}")), sampling, print, matcher)
    drawer, emitted, chance = Drawer(VOCABULARY, WIDTH), list[Emission](), random.Random(seed)
    while True:
        generation.drafts = guess(generation, chance)
        before, laid = len(generation.tokens), [*generation.tokens, *generation.drafts]
        rows = [row_after(laid[:at]) for at in range(before, len(laid) + 1)]
        logits_KV = torch.stack(rows)
        foreseen = drawer.foresee([(generation, len(rows))], logits_KV) if foresee else None
        emitted.append(drawer.advance(generation, logits_KV, foreseen))
        if emitted[-1].finish_reason is not None:
            return emitted
        assert len(generation.tokens) > before
        true = next(
            (i for i, (a, b) in enumerate(zip(laid, generation.tokens, strict=False)) if a != b), len(laid)
        )
        assert min(true, len(generation.tokens)) < len(generation.tokens), "no token is left to compute"


def answer(emitted: list[Emission]) -> tuple[str, object, object, tuple[Drawn, ...]]:
    drawn = tuple(entry for emission in emitted for entry in emission.drawn)
    return "".join(e.text for e in emitted), emitted[-1].finish_reason, emitted[-1].usage, drawn


def nothing(generation: Generation, chance: random.Random) -> list[int]:
    return []


def oracle(right: float, longest: int) -> Callable[[SamplingParams, Constraint | None, int], Guess]:
    """Guesses from the true answer, each token right with this probability; now and then none at all."""

    def of(sampling: SamplingParams, constraint: Constraint | None, seed: int) -> Guess:
        known: list[list[int]] = []

        def keep(generation: Generation, chance: random.Random) -> list[int]:
            known[:] = [generation.tokens]
            return []

        run(sampling, constraint, keep, seed)

        def guess(generation: Generation, chance: random.Random) -> list[int]:
            if chance.random() < 0.2:
                return []
            at = len(generation.tokens)
            true = known[0][at : at + chance.randint(1, longest)]
            return [t if chance.random() < right else chance.randrange(256) for t in true]

        return guess

    return of


SAMPLINGS = {
    "greedy": SamplingParams(max_tokens=40),
    "sampled": SamplingParams(max_tokens=40, temperature=0.8, top_p=0.9, min_p=0.02, seed=7, top_logprobs=3),
    "penalised": SamplingParams(
        max_tokens=40, temperature=1.0, seed=3, presence_penalty=1.0, frequency_penalty=0.7,
        repetition_penalty=1.2, logit_bias=((101, 2.0),),
    ),
    "stopping": SamplingParams(max_tokens=60, temperature=1.2, seed=11, stop=("o", ": <")),
    "short": SamplingParams(max_tokens=7, temperature=0.9, seed=5, top_logprobs=0),
    "endless": SamplingParams(max_tokens=50, temperature=1.0, ignore_eos=True),
}  # fmt: skip


@pytest.mark.parametrize(
    "constraint", [None, SCHEMA, SPAN, CITING], ids=["free", "json", "span", "citations"]
)
@pytest.mark.parametrize("name", SAMPLINGS)
def test_drafts_change_nothing(name: str, constraint: Constraint | None):
    sampling = SAMPLINGS[name]
    for seed in range(4):
        expected = answer(run(sampling, constraint, nothing, seed))
        for right, longest in ((1.0, 30), (0.7, 5), (0.0, 3)):
            guess = oracle(right, longest)(sampling, constraint, seed)
            assert answer(run(sampling, constraint, guess, seed)) == expected


def test_right_drafts_save_steps():
    sampling = SAMPLINGS["greedy"]
    plain = run(sampling, None, nothing)
    assert len(run(sampling, None, oracle(1.0, 8)(sampling, None, 0))) < len(plain) / 2


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("constraint", [None, CITING], ids=["free", "constrained"])
def test_what_is_foreseen_for_a_whole_step_is_what_would_be_drawn(name: str, constraint: Constraint | None):
    guess = oracle(0.7, 5)(SAMPLINGS[name], constraint, 3)
    alone = run(SAMPLINGS[name], constraint, guess, 3, foresee=False)
    assert run(SAMPLINGS[name], constraint, guess, 3) == alone


def test_only_the_likeliest_of_plain_requests_is_foreseen():
    logits_MV = torch.zeros(4, WIDTH)
    for row, token in enumerate(b"abcd"):
        logits_MV[row, token] = 9
    plain, biased = new(SamplingParams()), new(SamplingParams(logit_bias=((ord("c"), -100.0),)))
    drawer = Drawer(VOCABULARY, WIDTH)
    asked = [
        (plain, 2),
        (new(SamplingParams(), CITING), 0),
        (biased, 1),
        (new(SamplingParams(temperature=1)), 1),
    ]
    assert drawer.foresee(asked, logits_MV) == [*b"ab", -1, -1]
    assert drawer.foresee(asked[1:2], logits_MV[:0]) == []


def advance(generation: Generation, drafts: bytes, *likely: int) -> Emission:
    """One step in which row i makes `likely[i]` the likeliest token."""
    generation.drafts = list(drafts)
    rows = torch.zeros(len(likely), WIDTH)
    for row, token in zip(rows, likely, strict=True):
        row[token] = 9
    return Drawer(VOCABULARY, WIDTH).advance(generation, rows)


def new(sampling: SamplingParams, constraint: Constraint | None = None) -> Generation:
    matcher = GRAMMARS.matcher(constraint) if constraint is not None else None
    return Generation("a", (1, 2), sampling, print, matcher)


def test_a_step_without_drafts_follows_one_whose_drafts_were_taken():
    generation = new(SamplingParams(max_tokens=9))
    assert advance(generation, b"bcd", *b"bcxy").text == "bcx"
    assert generation.tokens == [1, 2, *b"bcx"]
    assert advance(generation, b"", ord("e")).text == "e"
    assert advance(generation, b"q", *b"fg").text == "f"
    assert generation.tokens == [1, 2, *b"bcxef"]


def test_a_stop_string_within_the_drafts_ends_there():
    generation = new(SamplingParams(max_tokens=9, stop=("cd",)))
    last = advance(generation, b"bcde", *b"bcdef")
    assert (last.text, last.finish_reason) == ("b", "stop")
    assert generation.tokens == [1, 2, *b"bcd"]


def test_the_end_token_within_the_drafts_ends_there():
    generation = new(SamplingParams(max_tokens=9))
    last = advance(generation, b"bc", ord("b"), EOS, ord("c"))
    assert (last.text, last.finish_reason) == ("b", "stop")
    assert generation.tokens == [1, 2, ord("b")]


def test_the_budget_ends_within_the_drafts():
    generation = new(SamplingParams(max_tokens=3))
    last = advance(generation, b"bcdef", *b"bcdefg")
    assert (last.text, last.finish_reason, last.usage and last.usage.completion_tokens) == (
        "bcd",
        "length",
        3,
    )


def test_forced_tokens_that_were_guessed_need_no_rows_of_their_own():
    generation = new(SamplingParams(max_tokens=40), SCHEMA)
    start = b'{"kind": "'
    assert (
        advance(generation, start + b"a", ord("{"), *b'"kind": "a', ord("x")).text
        == start.decode() + 'answer", "n": '
    )
    assert generation.tokens[2:] == [*b'{"kind": "answer", "n": ']
    generation = new(SamplingParams(max_tokens=40), SCHEMA)
    whole = b'{"kind": "answer", "n": 4'
    rows = [ord("!")] * len(whole)
    rows[0], rows[len(start)], rows[-1] = ord("{"), ord("a"), ord("4")
    assert advance(generation, whole, *rows, ord("2")).text == whole.decode() + "2"


def test_forced_tokens_end_with_the_budget_and_at_a_stop_string():
    last = advance(new(SamplingParams(max_tokens=4), SCHEMA), b"", ord("{"))
    assert (last.text, last.finish_reason, last.usage and last.usage.completion_tokens) == (
        '{"ki',
        "length",
        4,
    )
    last = advance(new(SamplingParams(max_tokens=40, stop=("nd",)), SCHEMA), b"", ord("{"))
    assert (last.text, last.finish_reason, last.usage and last.usage.completion_tokens) == ('{"ki', "stop", 6)


def test_only_controls_and_padding_can_never_be_drawn():
    for token in (CONTROL, len(VOCABULARY), WIDTH - 1):
        assert advance(new(SamplingParams()), b"", token).text == "\0"


def test_ignore_eos_goes_on_but_a_constraint_may_still_end():
    generation = new(SamplingParams(ignore_eos=True))
    assert advance(generation, b"", EOS).finish_reason is None
    generation = new(SamplingParams(ignore_eos=True), VerbatimSpanConstraint(("ab cd",)))
    advance(generation, b"", ord("a"))
    assert advance(generation, b"", EOS).finish_reason == "stop"


def test_numbers_that_broke_are_an_error_not_an_answer():
    generation = new(SamplingParams())
    with pytest.raises(ModelError, match="no token is left"):
        Drawer(VOCABULARY, WIDTH).advance(generation, torch.full((1, WIDTH), torch.nan))
