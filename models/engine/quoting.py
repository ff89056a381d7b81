"""Citations whose spans are copied: inside `<co: 1>…</co: 1>` stand words of document 1 as they stand there.

The tags' automaton says what may be written where; inside a span the copying automaton of the one document that is
named narrows it. A token that is text and tag in one is never taken, so each token belongs to one of the two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import regex

from secretariat.models.core import CitationConstraint, Sentence
from secretariat.models.engine.citations import CLOSES, OPENS, rest_of_tag
from secretariat.models.engine.citing import CitationMatcher
from secretariat.models.engine.copying import MAX_BYTES, CopyMatcher, Source
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.sampling.reference import Words, unpacked

_MARKUP = regex.compile(f"{CLOSES}|{OPENS}")  # copied into a span it would end it, or open another


@dataclass(frozen=True, slots=True)
class _Quote:
    """Inside a span: what it copies, the tag that ends it and how many bytes of that have been written.

    `copied`: whether the latest token went to `copy`.
    """

    copy: CopyMatcher
    tag: bytes
    closed: int = 0
    copied: bool = False


class QuotingMatcher:
    """See `Matcher` in grammar.py for the contract.

    A span ends behind a word, or where the budget does: what it holds is copied either way. Raises ModelError
    invalid_request for a document that is too long to copy from.
    """

    def __init__(self, vocabulary: Vocabulary, constraint: CitationConstraint) -> None:
        self._vocabulary = vocabulary
        self._sources: dict[str, list[Source]] = {}
        sentences = constraint.sentences or ((),) * len(constraint.ids)
        for name, text, weighed in zip(constraint.ids, constraint.texts, sentences, strict=True):
            if len(text.encode()) > MAX_BYTES:
                raise ModelError(
                    "invalid_request",
                    f"document {name} has more than {MAX_BYTES} bytes to copy from",
                    param="documents",
                )
            sources = [Source.words(*part) for part in _without_markup(text, weighed)]
            if any(source.starts for source in sources):
                self._sources[name] = [source for source in sources if source.starts]
        weights = dict(zip(constraint.ids, constraint.weights, strict=False))
        named = tuple(self._sources)
        self._tags = CitationMatcher(
            vocabulary, named, [weights.get(name, 0.0) for name in named], constraint.leaning, apart=True
        )
        self._past: list[_Quote | None] = [None]

    @property
    def accepting(self) -> bool:
        return self._tags.accepting

    @property
    def finished(self) -> bool:
        return False

    @property
    def settled(self) -> int:
        return self._tags.settled

    @property
    def biases(self) -> dict[int, float]:
        quote = self._past[-1]
        if quote is None:
            return self._tags.biases
        if quote.closed or not (copying := quote.copy.biases):
            return {}
        ending = dict.fromkeys(self._closing(quote), quote.copy.end_bias) if quote.copy.accepting else {}
        return {**ending, **copying}

    def mask(self, budget: int) -> Words:
        words, quote = self._tags.mask(budget), self._past[-1]
        if quote is None:
            return self._without_crossings(words)
        closing = words & self._vocabulary.words(self._closing(quote))
        if quote.closed:
            return closing
        copying = words & self._copying(quote, budget)
        if quote.copy.accepting:
            return copying | closing
        return copying if copying.any() else closing

    def _without_crossings(self, words: Words) -> Words:
        crossing = [token for token in self._suspects(words) if not self._tags.opens_plainly(token)]
        return words & ~self._vocabulary.words(crossing)

    def _suspects(self, words: Words) -> list[int]:
        """The tokens that may open a span and go on behind it: in text those with the beginning of a tag."""
        if not self._tags.accepting:
            return [int(token) for token in np.flatnonzero(unpacked(words, len(self._vocabulary)))]
        opening, started = OPENS.encode(), self._tags.started
        found = list(self._vocabulary.containing(opening))
        if started:
            found += self._vocabulary.beginning_with(opening[len(started) :])
        return [token for token in found if _holds(words, token)]

    def _closing(self, quote: _Quote) -> Iterator[int]:
        return (token for token, _ in self._vocabulary.spellings(quote.tag, quote.closed))

    def _copying(self, quote: _Quote, budget: int) -> Words:
        return quote.copy.mask(budget) & ~self._vocabulary.eos_words

    def accept(self, token_id: int) -> None:
        quote = self._past[-1]
        if quote is not None:
            quote = self._within(quote, token_id)
        self._tags.accept(token_id)
        span = self._tags.span
        if quote is None and span is not None:
            (name,) = span
            tag = (CLOSES + rest_of_tag((name,))).encode()
            quote = _Quote(CopyMatcher(self._vocabulary, self._sources[name]), tag)
        elif quote is not None and quote.closed == len(quote.tag):
            quote = None
        self._past.append(quote)

    def _within(self, quote: _Quote, token_id: int) -> _Quote:
        closes = token_id in set(self._closing(quote))
        copies = not quote.closed and _holds(self._copying(quote, 1), token_id)
        if closes and (quote.closed or quote.copy.accepting or not copies):
            size = len(self._vocabulary.tokens[token_id])
            return _Quote(quote.copy, quote.tag, quote.closed + size)
        quote.copy.accept(token_id)
        return _Quote(quote.copy, quote.tag, copied=True)

    def rollback(self, count: int) -> None:
        assert count < len(self._past), "more than was accepted"
        for quote in self._past[len(self._past) - count :]:
            if quote is not None and quote.copied:
                quote.copy.rollback(1)
        if count:
            del self._past[-count:]
        self._tags.rollback(count)

    def valid(self, token_ids: Sequence[int], budget: int) -> int:
        accepted = 0
        for token_id in token_ids:
            if budget <= accepted or not _holds(self.mask(budget - accepted), token_id):
                break
            self.accept(token_id)
            accepted += 1
        self.rollback(accepted)
        return accepted

    def forced(self, budget: int) -> list[int]:
        quote = self._past[-1]
        copies = quote is not None and not quote.closed
        forced = quote.copy.forced(budget) if quote is not None and copies else self._tags.forced(budget)
        return forced[: self.valid(forced, budget)]


def _without_markup(text: str, sentences: Sequence[Sentence]) -> Iterator[tuple[str, list[Sentence]]]:
    """The parts of the text between markup, each with the sentences that reach into it."""
    start = 0
    for end, following in [*((each.start(), each.end()) for each in _MARKUP.finditer(text)), (len(text), 0)]:
        held = [each for each in sentences if each.start < end and each.end > start]
        yield (
            text[start:end],
            [replace(each, start=each.start - start, end=each.end - start) for each in held],
        )
        start = following


def _holds(words: Words, token_id: int) -> bool:
    return bool(int(words[token_id // 32]) >> (token_id % 32) & 1)
