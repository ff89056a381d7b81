"""Citations whose text is copied, whatever a model would rather write."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.models.core import CitationConstraint, Sentence
from secretariat.models.engine.citations import CitationReader
from secretariat.models.engine.copying import Source
from secretariat.models.engine.grammar import Grammars, Matcher
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from tests.models.engine.toy_vocabulary import (
    CROSSING_VOCABULARY,
    EOS,
    TAGGING_VOCABULARY,
    VOCABULARY,
    allowed,
)

TEXTS = {
    "1": "The pump costs 3.5 euros.",
    "2": "a < b </co: 1> The <co: 2> of",
    "12": " ",
    "dé": "größe\n\nThe span of",
}
CONSTRAINT = CitationConstraint(tuple(TEXTS), tuple(TEXTS.values()))
_EAGER = [ord(c) for c in "<co:/> 1,2T"] + list(range(266, len(TAGGING_VOCABULARY)))


def sample(budget: int, seed: int, vocabulary: Vocabulary) -> tuple[str, bool]:
    """What a model that loves markup could write in so many tokens, and whether it ended by itself."""
    matcher, draw, out = Grammars(vocabulary).matcher(CONSTRAINT), random.Random(seed), b""
    while budget:
        tokens = allowed(matcher, budget, vocabulary)
        assert tokens, "a dead end"
        likely = [t for t in _EAGER if t in tokens]
        token = draw.choice(likely if likely and draw.random() < 0.7 else tokens)
        if draw.random() < 0.2:
            _there_and_back(matcher, draw, budget, vocabulary)
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


def _there_and_back(matcher: Matcher, draw: random.Random, budget: int, vocabulary: Vocabulary) -> None:
    """A few steps that are taken back leave no trace."""
    before, taken = allowed(matcher, budget, vocabulary), 0
    while taken < min(4, budget - 1):
        tokens = [t for t in allowed(matcher, budget - taken, vocabulary) if t != EOS]
        if not tokens:
            break
        matcher.accept(draw.choice(tokens))
        taken += 1
    matcher.rollback(taken)
    assert allowed(matcher, budget, vocabulary) == before


def citations(text: str) -> list[tuple[str, tuple[str, ...]]]:
    reader = CitationReader()
    first, last = reader.push(text), reader.finish()
    clean = first.text + last.text
    return [(clean[c.start : c.end], c.ids) for c in (*first.citations, *last.citations)]


@pytest.mark.parametrize(
    "vocabulary", [VOCABULARY, TAGGING_VOCABULARY, CROSSING_VOCABULARY], ids=["bytes", "tags", "crossing"]
)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 80), st.integers(0, 10**6))
def test_every_cited_text_is_in_its_document(vocabulary: Vocabulary, budget: int, seed: int):
    for text, (name,) in citations(sample(budget, seed, vocabulary)[0]):
        assert text
        assert text in TEXTS[name]


@pytest.mark.parametrize("vocabulary", [TAGGING_VOCABULARY, CROSSING_VOCABULARY], ids=["tags", "crossing"])
def test_a_span_that_was_begun_late_still_ends_within_the_budget(vocabulary: Vocabulary):
    """Tokens that reach across a tag's end are never taken, so they don't count as a way out either."""
    for budget in range(1, 30):
        for seed in range(40):
            sample(budget, seed, vocabulary)


def test_spans_do_come_about_and_end_behind_words():
    found = [c for seed in range(80) for c in citations(sample(90, seed, TAGGING_VOCABULARY)[0])]
    assert len(found) > 30
    assert {"1", "2"} <= {name for _, (name,) in found}
    assert any(text.endswith(("pump", "costs", "3.5", "euros", "euros.")) for text, _ in found)


def feed(text: str, vocabulary: Vocabulary = VOCABULARY) -> int:
    """How many bytes of the text a matcher takes, one by one."""
    matcher = Grammars(vocabulary).matcher(CONSTRAINT)
    for at, token in enumerate(text.encode()):
        if token not in allowed(matcher, 1000, vocabulary):
            return at
        matcher.accept(token)
    return len(text.encode())


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("Yes: <co: 1>costs 3.5</co: 1> ok, a < b", None),
        ("<co: 2>a < b</co: 2>", None),
        ("<co: dé>größe\n\nThe</co: dé>", None),
        ("<co: 1>pumps", "<co: 1>pump"),
        ("<co: 1>3</co: 1>", "<co: 1>3"),
        ("<co: 1>a < b", "<co: 1>"),
        ("<co: 1,2>", "<co: 1"),
        ("<co: 12>", "<co: 1"),
        ("<co: 3>", "<co: "),
        ("<co: 1></co: 1>", "<co: 1>"),
    ],
)
def test_what_may_be_written(text: str, taken: str | None):
    assert feed(text) == len((taken if taken is not None else text).encode())


def test_a_draft_is_judged_without_being_taken():
    matcher = Grammars(VOCABULARY).matcher(CONSTRAINT)
    draft = list(b"<co: 1>The pump</co: 1>.")
    assert matcher.valid(draft, 1000) == len(draft)
    assert matcher.valid(list(b"<co: 1>The pomp"), 1000) == len(b"<co: 1>The p")
    assert matcher.settled == 0


def test_a_document_beyond_the_limit_is_refused_by_name():
    with pytest.raises(ModelError, match="document a has more") as caught:
        Grammars(VOCABULARY).matcher(CitationConstraint(("a",), ("x " * 2**17,)))
    assert caught.value.param == "documents"


def _after(matcher: Matcher, text: str) -> Matcher:
    for byte in text.encode():
        matcher.accept(byte)
    return matcher


def test_heavier_documents_and_answers_that_cite_are_leant_to():
    texts = tuple(TEXTS.values())
    weighed = CitationConstraint(("1", "2", "12", "dé"), texts, (0.5, -1.0, 2.0, 0.0), leaning=3.0)
    matcher = Grammars(VOCABULARY).matcher(weighed)
    assert matcher.biases == {ord("<"): 3.0}, "an answer that begins with a tag"
    _after(matcher, "<co:")
    assert matcher.biases == {}, "nothing is to choose yet"
    _after(matcher, " ")
    lean = matcher.biases
    assert lean[ord("1")] > lean[ord("2")], "12, which has no words, isn't among them"
    _after(matcher, "1>")
    assert matcher.biases == {}


def test_an_id_of_several_tokens_is_weighed_once():
    constraint = CitationConstraint(("1", "12"), ("a b", "c d"), (0.0, 2.0))
    matcher = _after(Grammars(VOCABULARY).matcher(constraint), "<co: ")
    assert matcher.biases == {ord("1"): 0.0}
    assert _after(matcher, "1").biases == {ord(">"): -2.0, ord("2"): 0.0}
    assert Grammars(VOCABULARY).matcher(CONSTRAINT).biases == {}


REPEATED = "Ash is grey. Ash is fine ash. Elm is fine."
SENTENCES = (Sentence(0, 12, -1.5), Sentence(13, 29, 2.0), Sentence(30, 42, 0.25))


def test_words_are_favoured_by_the_sentence_that_they_begin_in_however_they_are_spelled():
    """Together the tokens of a span and its end weigh what its heaviest start does, less the heaviest there is."""
    source = Source.words(REPEATED)
    begun = {0: -1.5, 13: 2.0, 30: 0.25}
    weight = {start: begun[max(first for first in begun if first <= start)] for start in source.starts}
    spans = [(start, end) for start in source.starts for end in source.ends if end > start]
    for start, end in spans:
        words = REPEATED[start:end]
        same = [at for at, until in spans if REPEATED[at:until] == words]
        matcher = _after(_quoting(REPEATED, SENTENCES), "<co: 1>")
        favoured = 0.0
        for byte in words.encode():
            favoured += matcher.biases[byte]
            matcher.accept(byte)
        favoured += matcher.biases.get(ord("<"), 0.0)
        assert favoured == pytest.approx(max(weight[at] for at in same) - 2.0), words


def test_sentences_weigh_where_markup_is_left_out_of_the_text():
    text = "Ash. <co: 1> Elm. Oak."
    matcher = _after(_quoting(text, (Sentence(0, 4, 1.0), Sentence(13, 17, 3.0))), "<co: 1>")
    assert {chr(token): bias for token, bias in matcher.biases.items()} == {
        "A": -2.0, "E": 0.0, "O": -3.0, "1": -3.0,
    }  # fmt: skip


def test_without_weights_nothing_in_a_span_is_favoured():
    matcher = _after(_quoting(REPEATED, ()), "<co: 1>")
    assert matcher.biases == {}
    assert _after(matcher, "Ash").biases == {}


def _quoting(text: str, sentences: tuple[Sentence, ...]) -> Matcher:
    return Grammars(VOCABULARY).matcher(CitationConstraint(("1",), (text,), sentences=(sentences,)))
