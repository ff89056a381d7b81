import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.models.core import CitationConstraint
from secretariat.models.engine.citations import Citation, CitationReader
from secretariat.models.engine.citing import CitationMatcher
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from tests.models.engine.toy_vocabulary import EOS, TAGGING_VOCABULARY, VOCABULARY, ToyTokenizer, allowed

IDS = ("1", "2", "12", "doc-é")
_SPAN = re.compile(r"<co: ([^<>]*)>(.*?)</co: ([^<>]*)>", re.DOTALL)
_EAGER = [ord(c) for c in "<co:/> 1,2"] + list(range(266, len(TAGGING_VOCABULARY)))


def sample(ids: tuple[str, ...], budget: int, seed: int, vocabulary: Vocabulary) -> tuple[str, bool]:
    """What a model that loves markup could write in so many tokens, and whether it ended by itself."""
    matcher, draw, out = CitationMatcher(vocabulary, ids), random.Random(seed), b""
    while budget:
        tokens = allowed(matcher, budget, vocabulary)
        assert tokens, "a dead end"
        likely = [t for t in _EAGER if t in tokens]
        token = draw.choice(likely if likely and draw.random() < 0.8 else tokens)
        if token == EOS:
            assert matcher.accepting
            return out.decode(errors="replace"), True
        matcher.accept(token)
        out += vocabulary.tokens[token]
        budget -= 1
        for forced in matcher.forced(budget) if budget and draw.random() < 0.5 else ():
            assert forced in allowed(matcher, budget, vocabulary)
            matcher.accept(forced)
            out += vocabulary.tokens[forced]
            budget -= 1
    assert matcher.accepting, "the budget ended inside a span"
    return out.decode(errors="replace"), False


def check(text: str, ids: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The ids of its spans; raises AssertionError where the text breaks the grammar."""
    found = []
    for opening, inner, closing in _SPAN.findall(text):
        assert opening == closing
        named = opening.split(",")
        assert set(named) <= set(ids)
        assert len(set(named)) == len(named)
        assert inner.strip()
        assert "<co:" not in inner
        found.append(tuple(named))
    rest = _SPAN.sub("", text)
    # What stood apart around a span may look like a tag once the span is gone.
    outside = _SPAN.sub("\0", text)
    assert "<co:" not in outside, rest
    assert "</co:" not in outside, rest
    return found


@pytest.mark.parametrize("vocabulary", [VOCABULARY, TAGGING_VOCABULARY], ids=["bytes", "tags"])
@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(1, 90), st.integers(0, 10**6), st.integers(0, len(IDS)))
def test_whatever_is_drawn_parses_and_balances(vocabulary: Vocabulary, budget: int, seed: int, count: int):
    text, _ = sample(IDS[:count], budget, seed, vocabulary)
    check(text, IDS[:count])


def test_spans_do_come_about():
    found = [ids for seed in range(60) for ids in check(sample(IDS, 80, seed, TAGGING_VOCABULARY)[0], IDS)]
    assert len(found) > 30
    assert any(len(ids) > 1 for ids in found)


@pytest.mark.parametrize("budget", range(1, 45))
def test_a_span_is_closed_before_the_budget_ends(budget: int):
    """A model that only wants to open spans and write in them."""
    matcher, out = CitationMatcher(VOCABULARY, ("1", "2")), ""
    while budget:
        tokens = allowed(matcher, budget)
        wanted = next(
            (ord(c) for c in ("<co: 1,2>" + "x" * 50)[len(out) :][:1] if ord(c) in tokens), tokens[0]
        )
        if wanted == EOS:
            break
        matcher.accept(wanted)
        out += chr(wanted)
        budget -= 1
    assert matcher.accepting
    check(out, ("1", "2"))


def test_a_token_that_leaves_the_span_empty_costs_what_is_missing():
    matcher = CitationMatcher(VOCABULARY, ("1",))
    for byte in b"<co: 1>":
        matcher.accept(byte)
    least = len(".</co: 1>")
    for token in b"< ":
        assert token in allowed(matcher, least + 1)
        assert token not in allowed(matcher, least)
    assert ord("x") in allowed(matcher, least)


def test_nothing_is_forced_that_the_budget_cannot_bear():
    """Spelled with what follows, the end of a tag may take fewer tokens than by itself."""
    vocabulary = Vocabulary.of(ToyTokenizer((b">.",)), frozenset({EOS}))
    matcher = CitationMatcher(vocabulary, ("1",))
    for byte in b"<co: 1":
        matcher.accept(byte)
    least = len(".</co: 1>")
    assert matcher.forced(least + 1) == [ord(">")]
    assert matcher.forced(least) == []
    assert allowed(matcher, least, vocabulary) == [258]


def write(matcher: CitationMatcher, text: str) -> bool:
    for byte in text.encode():
        if byte not in allowed(matcher):
            return False
        matcher.accept(byte)
    return True


@pytest.mark.parametrize(
    "text",
    [
        "a <co: 3>x", "<co: 1><co: 2>", "<co: 1></co:", "<co: 1> \n</co:", "x</co:", "<co: 1,1>", "<co: >",
        "<co:1>", "<co: 1,2>x</co: 1>", "<co: 1,2>x</co: 2", "<co: 1>x</co: 1><co: 3",
    ],
)  # fmt: skip
def test_illegal_markup_cannot_be_written(text: str):
    assert not write(CitationMatcher(VOCABULARY, ("1", "2")), text)


@pytest.mark.parametrize(
    "text",
    [
        "a < b <code> </c> <co",
        "<co: 2,1>x</co: 2,1>",
        "<co: 1><</co: 1>",
        "<co: 1>a</code></co: 1> b<co: 12>é</co: 12>",
    ],
)
def test_other_angle_brackets_are_text(text: str):
    matcher = CitationMatcher(VOCABULARY, ("1", "2", "12"))
    assert write(matcher, text)
    assert matcher.accepting


def test_the_end_is_illegal_inside_of_a_span_or_tag():
    matcher = CitationMatcher(VOCABULARY, ("1", "2"))
    legal = [matcher.accepting]
    for byte in b"<co: 1>x</co: 1>":
        matcher.accept(byte)
        legal.append(matcher.accepting)
        assert (EOS in allowed(matcher)) == matcher.accepting
    assert legal == [True] * 4 + [False] * 12 + [True]


def test_a_closing_tag_is_forced_and_drafts_are_checked():
    matcher = CitationMatcher(VOCABULARY, ("1", "2"))
    write(matcher, "<co: 1,2>x</co:")
    assert b"".join(VOCABULARY.tokens[t] for t in matcher.forced(100)) == b" 1,2>"
    assert matcher.valid([ord(c) for c in " 1,2> and <co: 3"], 100) == len(" 1,2> and <co: ")
    assert matcher.valid([ord(c) for c in " 1,2> and <co: 1>."], 14) == len(" 1,2> and <co")
    before = allowed(matcher)
    write(matcher, " 1,2>")
    matcher.rollback(5)
    assert allowed(matcher) == before


def test_ids_that_would_break_the_markup_are_refused():
    for name in ("", "a b", "a,b", "a>b", "<"):
        with pytest.raises(ModelError, match="id"):
            Grammars(VOCABULARY).matcher(CitationConstraint((name,)))


def read(
    text: str, cuts: tuple[int, ...] = (), ids: tuple[str, ...] | None = None
) -> tuple[str, list[Citation]]:
    reader, shown, found = CitationReader(ids), "", list[Citation]()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for start, end in pairwise(edges):
        cited = reader.push(text[start:end])
        shown += cited.text
        found.extend(cited.citations)
    last = reader.finish()
    return shown + last.text, [*found, *last.citations]


def test_text_and_offsets_are_exact():
    text, found = read("Ünder <co: 1,2>24 months</co: 1,2> it 👍 <co: 2>runs</co: 2>.")
    assert text == "Ünder 24 months it 👍 runs."
    assert [(text[c.start : c.end], c.ids) for c in found] == [("24 months", ("1", "2")), ("runs", ("2",))]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 120), max_size=30))
def test_however_it_streams_the_same_is_read(seed: int, cuts: list[int]):
    text, _ = sample(IDS, 70, seed, TAGGING_VOCABULARY)
    whole = read(text)
    assert read(text, tuple(cuts)) == whole
    assert read(text, tuple(range(len(text)))) == whole
    assert whole[0] == _SPAN.sub(lambda span: span[2], text)
    assert [c.ids for c in whole[1]] == check(text, IDS)
    assert [whole[0][c.start : c.end] for c in whole[1]] == [inner for _, inner, _ in _SPAN.findall(text)]


def test_a_citation_comes_as_soon_as_its_tag_is_complete():
    reader = CitationReader()
    assert reader.push("<co: 1>yes</co: 1").text == "yes"
    assert reader.push(">").citations == (Citation(0, 3, ("1",)),)
    assert reader.push("a <").text == "a "
    assert reader.push(" b").text == "< b"


@pytest.mark.parametrize(
    ("written", "text", "found"),
    [
        ("<co: 1>a<co: 2>b</co: 2>", "ab", [Citation(0, 1, ("1",)), Citation(1, 2, ("2",))]),
        ("a</co: 1>b", "ab", []),
        ("<co: 1>abc", "abc", [Citation(0, 3, ("1",))]),
        ("<co: 9>a</co: 9>", "a", []),
        ("<co: 9, 1,1>a</co>", "a</co>", [Citation(0, 6, ("1",))]),
        ("<co: 1></co: 1>a", "a", []),
        ("a<co: 1", "a", []),
        ("a<c", "a<c", []),
        ("<co: 1\n>a", "<co: 1\n>a", []),
        ("<co:" + "1" * 2000, "<co:" + "1" * 2000, []),
    ],
)
def test_what_is_not_well_formed_is_read_kindly(written: str, text: str, found: list[Citation]):
    assert read(written, ids=("1", "2")) == (text, found)
    assert read(written, tuple(range(len(written))), ids=("1", "2")) == (text, found)
