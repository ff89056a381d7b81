import random

import pytest

from secretariat.models.core import ChoiceConstraint, VerbatimSpanConstraint
from secretariat.models.engine.copying import Source, choice_matcher, span_matcher
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from tests.models.engine.toy_vocabulary import EOS, VOCABULARY, allowed

TEXTS = (
    "The warranty of the pump (model 3.5-B) covers 24 months; see §7.\n\nIt doesn't cover wear parts.",
    "  Grüße aus Köln – naïve café, cafe\u0301 “quoted” text … 10,000 € or a@b.org!  ",
    "東京は日本の首都です。 Emoji 👩‍👩‍👧 family. Ελλάδα",
    "one",
)


def walk(matcher, seed: int) -> bytes:
    """A random path through the mask, as a model with no idea would take."""
    draw, out = random.Random(seed), b""
    while not matcher.finished:
        tokens = allowed(matcher)
        assert tokens, "a dead end"
        token = EOS if EOS in tokens and draw.random() < 0.1 else draw.choice(tokens)
        if token == EOS:
            assert matcher.accepting
            break
        matcher.accept(token)
        out += VOCABULARY.tokens[token]
    return out


def is_span_of_words(output: str, text: str) -> bool:
    """An occurrence whose neighbours don't continue a word."""
    at = text.find(output)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(output) :][:1]
        cut_left = output[0].isalnum() and before.isalnum() and output[0].isascii() and before.isascii()
        cut_right = output[-1].isalnum() and after.isalnum() and output[-1].isascii() and after.isascii()
        if not cut_left and not cut_right:
            return True
        at = text.find(output, at + 1)
    return False


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_model_wants_the_output_is_a_span_of_one_text(seed: int):
    output = walk(span_matcher(VerbatimSpanConstraint(TEXTS, "NOT FOUND"), VOCABULARY), seed).decode()
    assert output == "NOT FOUND" or any(is_span_of_words(output, text) for text in TEXTS)
    assert output == output.strip()


@pytest.mark.parametrize("seed", range(20))
def test_cut_anywhere_what_has_settled_is_still_a_span(seed: int):
    matcher = span_matcher(VerbatimSpanConstraint(TEXTS, "NOT FOUND"), VOCABULARY)
    draw, out = random.Random(seed), b""
    for _ in range(draw.randint(1, 12)):
        tokens = [t for t in allowed(matcher) if t != EOS]
        if not tokens:
            break
        token = draw.choice(tokens)
        matcher.accept(token)
        out += VOCABULARY.tokens[token]
    shown = out[: matcher.settled].decode()
    assert not shown or shown == "NOT FOUND" or any(is_span_of_words(shown, text) for text in TEXTS)


def test_words_numbers_and_addresses_are_not_cut():
    text = "It costs 10,000.50 EUR; don't ask a@b.org on 2024-01-05."
    source = Source.words(text)
    pieces = {text[s:e] for s in source.starts for e in sorted(source.ends) if e > s}
    assert {"10,000.50", "don't", "a@b.org", "2024-01-05", "on 2024-01-05."} <= pieces
    assert not {"10", "000.50", "don", "b.org", "2024", " It"} & pieces


def test_a_span_never_joins_two_texts():
    matcher = span_matcher(VerbatimSpanConstraint(("alpha beta", "beta gamma"), None), VOCABULARY)
    for byte in b"beta":
        matcher.accept(byte)
    assert set(allowed(matcher)) == {EOS, ord(" ")}
    for seed in range(30):
        fresh = span_matcher(VerbatimSpanConstraint(("alpha beta", "beta gamma"), None), VOCABULARY)
        assert walk(fresh, seed).decode() in {
            "alpha", "alpha beta", "beta", "beta gamma", "gamma",
        }  # fmt: skip


def test_without_otherwise_nothing_else_can_be_said():
    matcher = span_matcher(VerbatimSpanConstraint(("yes",), None), VOCABULARY)
    assert walk(matcher, 1) == b"yes"


@pytest.mark.parametrize("texts", [(), ("",), ("  \n ",)])
def test_nothing_to_copy_is_refused_unless_there_is_an_otherwise(texts: tuple[str, ...]):
    with pytest.raises(ModelError, match="no text to copy"):
        span_matcher(VerbatimSpanConstraint(texts, None), VOCABULARY)
    assert walk(span_matcher(VerbatimSpanConstraint(texts, "none"), VOCABULARY), 0) == b"none"


def test_choices_one_of_which_begins_another():
    seen = {
        walk(choice_matcher(ChoiceConstraint(("no", "none", "nothing")), VOCABULARY), s) for s in range(80)
    }
    assert seen == {b"no", b"none", b"nothing"}


def test_a_choice_is_forced_once_it_is_clear():
    matcher = choice_matcher(ChoiceConstraint(("search the archive", "answer")), VOCABULARY)
    assert matcher.forced(100) == []
    matcher.accept(ord("s"))
    forced = matcher.forced(100)
    assert b"s" + b"".join(VOCABULARY.tokens[t] for t in forced) == b"search the archive"
    for token in forced:
        matcher.accept(token)
    assert matcher.finished
    assert matcher.forced(100) == []


def test_bytes_the_vocabulary_lacks_never_become_a_dead_end():
    lacking = Vocabulary(
        [bytes([b]) if b not in b"z" else b"" for b in range(256)] + [b"", b""],
        frozenset({EOS}),
        frozenset({EOS, 257}),
        VOCABULARY.encode,
        lambda: None,
    )
    for seed in range(40):
        matcher = span_matcher(VerbatimSpanConstraint(("lazy dog zone runs",), None), lacking)
        assert walk(matcher, seed).decode() in {"dog", "runs"}
    with pytest.raises(ModelError):
        choice_matcher(ChoiceConstraint(("zzz",)), lacking)


def test_more_text_than_a_step_can_look_at_is_refused():
    with pytest.raises(ModelError, match="131072 bytes"):
        span_matcher(VerbatimSpanConstraint(("word " * 20000, "word " * 20000), None), VOCABULARY)


def test_an_empty_choice_is_refused():
    with pytest.raises(ModelError):
        choice_matcher(ChoiceConstraint(("a", "")), VOCABULARY)


def test_what_was_taken_back_is_as_if_it_had_never_been():
    matcher = span_matcher(VerbatimSpanConstraint(TEXTS, "NOT FOUND"), VOCABULARY)
    for token in VOCABULARY.encode("The warranty"):
        matcher.accept(token)
    before = allowed(matcher), matcher.settled, matcher.accepting, matcher.forced(100)
    further = VOCABULARY.encode(" of the pump")
    assert matcher.valid([*further, ord("X"), *further], 100) == len(further)
    for token in further:
        matcher.accept(token)
    matcher.rollback(len(further))
    assert (allowed(matcher), matcher.settled, matcher.accepting, matcher.forced(100)) == before
