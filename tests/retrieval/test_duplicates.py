"""Near duplicates by signature: held to what the words share, and to what must not be taken for the same."""

import random
import re

import numpy as np
import pytest

from secretariat.retrieval.duplicates import FEWEST_WORDS, distinct, near, nearest, signature

WORDS = [a + b + c for a in "bklmnprstv" for b in "aeiou" for c in ("dan", "fel", "gor")]
KINDS = {"same": 0.95, "much": 0.85, "between": 0.65, "half": 0.45, "little": 0.0}
SENTENCE = "Every employee has twenty-eight days of paid holiday in each calendar year, counted from January."


def _text(chance: random.Random, length: int = 150) -> list[str]:
    return chance.choices(WORDS, k=length)


def _edited(words: list[str], edits: int, chance: random.Random) -> list[str]:
    words = list(words)
    for _ in range(edits):
        at = chance.randrange(len(words))
        match chance.choice(["exchange", "insert", "drop"]):
            case "exchange":
                words[at] = chance.choice(WORDS)
            case "insert":
                words.insert(at, chance.choice(WORDS))
            case _:
                del words[at]
    return words


def _jaccard(one: list[str], other: list[str]) -> float:
    runs = [set(zip(words, words[1:], words[2:], strict=False)) for words in (one, other)]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def test_nearness_follows_what_the_texts_share() -> None:
    chance = random.Random(7)
    found: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for number in range(600):
        words = _text(chance)
        edited = _edited(words, [1, 2, 5, 15, 30, 60][number % 6], chance)
        share = _jaccard(words, edited)
        kind = next(kind for kind, least in KINDS.items() if share >= least)
        found[kind].append(near(signature(" ".join(words)), signature(" ".join(edited))))
    rates = {kind: sum(hits) / len(hits) for kind, hits in found.items()}
    assert rates["same"] > 0.95
    assert rates["much"] > 0.6
    assert rates["half"] < 0.1
    assert rates["little"] == 0


def test_case_punctuation_and_layout_don_t_count() -> None:
    shouted = "\n".join(re.sub(r"[,.]", " ;", SENTENCE.upper()).split())
    assert signature(shouted) == signature(SENTENCE)


def test_short_texts_are_near_nothing() -> None:
    short = " ".join(["word"] * (FEWEST_WORDS - 1))
    assert signature(short) is None
    assert not near(signature(short), signature(short))


def test_a_signature_fits_a_signed_column_and_never_changes() -> None:
    chance = random.Random(3)
    numbers = [signature(" ".join(_text(chance))) for _ in range(50)]
    assert all(number is not None and -(2**63) <= number < 2**63 for number in numbers)
    assert any(number is not None and number < 0 for number in numbers)
    assert signature(SENTENCE) == 307230409656911169


def test_many_are_compared_at_once() -> None:
    chance = random.Random(5)
    numbers = [number for _ in range(40) if (number := signature(" ".join(_text(chance)))) is not None]
    away = nearest(numbers[0], np.array(numbers, dtype=np.int64))
    assert away[0] == 0
    assert away.tolist() == [((numbers[0] ^ other) & (2**64 - 1)).bit_count() for other in numbers]


@pytest.mark.parametrize("first", [0, 1])
def test_the_first_of_near_duplicates_is_kept(first: int) -> None:
    words = _text(random.Random(11))
    copies = [signature(" ".join(words)), signature(" ".join([*words, "more"]))]
    other = signature(" ".join(_text(random.Random(12))))
    assert distinct([copies[first], other, None, copies[1 - first], None]) == [0, 1, 2, 4]


def test_who_wants_the_first_few_waits_for_no_more() -> None:
    many: list[int] = [number * 0x9E3779B97F4A7C15 % 2**63 for number in range(1, 20)]
    assert distinct([*many, "never looked at"], most=8) == distinct(many)[:8]  # type: ignore[list-item]
