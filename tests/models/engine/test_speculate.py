import json
import random
from collections.abc import Sequence

import pytest

from secretariat.models.core import (
    ChoiceConstraint,
    Constraint,
    JsonSchemaConstraint,
    RegexConstraint,
    SamplingParams,
)
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.request import Generation
from secretariat.models.engine.speculate import DraftCosts, Drafter, Lookup
from tests.models.engine.toy_vocabulary import CONTROL, EOS, VOCABULARY

GRAMMARS = Grammars(VOCABULARY)
COSTS = DraftCosts()
FREE = DraftCosts(any=0, each=0)


def new(
    prompt: Sequence[int],
    drawn: Sequence[int] = (),
    *,
    constraint: Constraint | None = None,
    max_tokens: int = 200,
    speculate: bool = True,
) -> Generation:
    sampling = SamplingParams(max_tokens=max_tokens, speculate=speculate)
    made = Generation("a", tuple(prompt), sampling, print)
    made.tokens.extend(drawn)
    if constraint is not None:
        made.matcher = GRAMMARS.matcher(constraint)
        for token in drawn:
            made.matcher.accept(token)
    return made


def drafter() -> Drafter:
    return Drafter(VOCABULARY, FREE)


def test_the_continuation_of_what_was_there_is_proposed():
    generation = new([*range(50), 7, 8, 9], [10, 11])
    assert drafter().propose(generation, 5) == [12, 13, 14, 15, 16]


def test_the_longest_match_wins_and_of_equals_the_latest():
    long, late = [1, 2, 3, 4, 5, 60], [4, 5, 70]
    assert drafter().propose(new([*long, *late, 9], [1, 2, 3, 4, 5]), 1) == [60]
    assert drafter().propose(new([4, 5, 60, 4, 5, 70], [4, 5]), 1) == [70]


def test_output_is_looked_up_too():
    assert drafter().propose(new([1], [20, 21, 22, 23, 24, 20, 21, 22]), 2) == [23, 24]


def test_a_match_that_overlaps_the_end_repeats_itself():
    assert drafter().propose(new([1, 2], [8, 9, 8, 9, 8, 9]), 5) == [8, 9, 8, 9, 8]


def test_nothing_seen_nothing_proposed():
    assert drafter().propose(new(range(100), [120, 121, 122]), 8) == []
    assert drafter().propose(new([5]), 8) == []


def test_limits_are_kept():
    generation = new([*range(50), 7, 8, 9], [10, 11], max_tokens=4)
    assert drafter().propose(generation, 8) == [12]
    assert drafter().propose(generation, 0) == []
    assert drafter().propose(new([1, 2, 3, 1, 2], max_tokens=1), 8) == []
    assert drafter().propose(new([*range(50), 7, 8, 9], speculate=False), 8) == []


@pytest.mark.parametrize("control", [EOS, CONTROL])
def test_markup_and_ends_are_not_proposed(control: int):
    assert drafter().propose(new([1, 2, 3, 4, control, 6, 1, 2, 3]), 8) == [4]


def test_only_what_the_constraint_allows_is_proposed():
    prompt = VOCABULARY.encode("12345x")
    generation = new(prompt, [ord("1"), ord("2")], constraint=RegexConstraint("[0-9]{3,9}"))
    assert drafter().propose(generation, 8) == [ord(c) for c in "345"]


def test_forced_beginnings_are_proposed_before_anything_is_drawn():
    kind = {"enum": ["a", "b"]}
    schema = JsonSchemaConstraint(
        json.dumps({"type": "object", "properties": {"kind": kind}, "required": ["kind"]})
    )
    assert drafter().propose(new([1], constraint=schema), 30) == list(b'{"kind": "')
    assert drafter().propose(new([1], constraint=ChoiceConstraint(("answer",))), 3) == list(b"ans")


def test_following_token_by_token_finds_what_a_new_look_up_finds():
    draw = random.Random(1)
    tokens = [draw.randrange(4) for _ in range(300)]
    lookup = Lookup(tokens[:100])
    for end in range(100, 300):
        lookup.follow(tokens[:end])
        drafts = lookup.propose(6, FREE)
        assert drafts, "some pair of four tokens always came before"
        matches = [i for i in range(2, end) if tokens[i - 2 : i] == tokens[end - 2 : end]]
        assert drafts[0] in {tokens[i] for i in matches}


def simulate(text: list[int], prompt: int, costs: DraftCosts) -> tuple[int, float]:
    """Forward passes for a given answer, and what they cost in passes of one token."""
    generation = new(text[:prompt], max_tokens=10**6)
    drafting, steps, cost = Drafter(VOCABULARY, costs), 0, 0.0
    while len(generation.tokens) < len(text):
        drafts = drafting.propose(generation, 15)
        at = len(generation.tokens)
        true = next((i for i, t in enumerate(drafts) if text[at + i : at + i + 1] != [t]), len(drafts))
        generation.tokens.extend(text[at : at + true + 1])
        steps, cost = steps + 1, cost + 1 + (costs.any + costs.each * len(drafts) if drafts else 0)
    return steps, cost


def test_where_nothing_repeats_it_costs_next_to_nothing():
    draw = random.Random(2)
    for alphabet in (250, 30, 8):  # the fewer, the more matches by chance
        text = [draw.randrange(alphabet) for _ in range(2000)]
        steps, cost = simulate(text, 1000, COSTS)
        assert cost <= 1.03 * 1000, (alphabet, steps, cost)


def test_where_documents_are_quoted_it_pays():
    draw = random.Random(3)
    document = [draw.randrange(250) for _ in range(1500)]
    answer = list[int]()
    while len(answer) < 600:
        at = draw.randrange(1400)
        answer += [draw.randrange(250) for _ in range(4)] + document[at : at + draw.randint(10, 50)]
    steps, cost = simulate([*document, *answer], len(document), COSTS)
    assert cost < len(answer) / 2.2, (steps, cost)


def test_a_request_that_stops_repeating_stops_costing():
    draw = random.Random(4)
    phrase = [draw.randrange(250) for _ in range(12)]
    repeating = phrase * 30
    misleading = [t for _ in range(60) for t in (*phrase[:4], draw.randrange(250), draw.randrange(250))]
    _, cost = simulate([*repeating, *misleading], len(repeating), COSTS)
    assert cost <= 1.25 * len(misleading)
