"""What passes the gate, what is held out, and how far answers overlap with what was expected."""

import pytest

from secretariat.platform.evaluation.overlap import token_f1
from secretariat.platform.training.examples import Draft, held_out
from secretariat.platform.training.gate import Losses, judged
from secretariat.platform.training.sources import pieces

GOOD = Losses(loss=1.0, held_out=1.2, first_held_out=2.0)
BASE, BETTER = [0.0] * 10, [0.5] * 10


@pytest.mark.parametrize(
    ("losses", "base", "adapter", "reasons"),
    [
        (GOOD, BASE, BETTER, []),
        (Losses(0.1, 1.9, 2.0), BASE, BETTER, ["overfitted"]),
        (Losses(1.9, 2.1, 2.0), BASE, BETTER, ["not_learnt"]),
        (Losses(None, 2.0, 2.0), BASE, BETTER, ["not_learnt"]),
        (GOOD, BASE, BASE, ["no_better_than_base"]),
        (GOOD, BETTER, BASE, ["no_better_than_base"]),
        (GOOD, [0.0] * 4, [1.0] * 4, ["too_few_questions"]),
        (
            Losses(0.1, 3.0, 2.0),
            [1.0],
            [0.0],
            ["overfitted", "not_learnt", "too_few_questions", "no_better_than_base"],
        ),
    ],
)
def test_the_gate_says_why(losses, base, adapter, reasons):
    passed, result = judged(losses, base, adapter)
    assert (passed, result["reasons"]) == (not reasons, reasons)


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [("A week.", "a week", 1), ("a week or two", "a week", 2 / 3), ("", "a", 0), ("", "", 1), ("b", "a", 0)],
)
def test_answers_are_compared_word_by_word(answer, expected, f1):
    assert token_f1(answer, expected) == pytest.approx(f1)


def draft(group, text):
    return Draft(kind="text", origin="document", record={"text": str(text)}, group=group)


def test_pieces_of_one_document_fall_on_one_side():
    drafts = [draft(f"document/{number % 20}", number) for number in range(100)]
    sides = held_out(drafts, 0.1, seed=0)
    by_group = {
        one.group: {sides[n] for n, other in enumerate(drafts) if other.group == one.group} for one in drafts
    }
    assert all(len(found) == 1 for found in by_group.values())
    assert sides.count(True) == 10
    assert held_out(drafts, 0.1, seed=1) != sides


@pytest.mark.parametrize("count", [2, 3, 9])
def test_something_is_held_out_and_something_is_learnt(count):
    sides = held_out([draft("document/1", number) for number in range(count)], 0.01, seed=0)
    assert 0 < sides.count(True) < count


def test_a_text_is_cut_between_paragraphs():
    assert pieces("one\n\ntwo\n\nthree", most=9) == ["one\n\ntwo", "three"]
    assert pieces("x" * 10, most=4) == ["xxxx", "xxxx", "xx"]
