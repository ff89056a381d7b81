"""Constrained output that is copied from given texts: verbatim spans and choices.

An automaton over byte positions in the sources, walked token by token. It needs no compilation, controls
where a span may begin and end (a lexer can't: it would cut words or swallow what follows), and its states
are few: after a token or two only the places where those words occur remain.

Sentences may weigh, by where in them an output starts. A token is favoured by the heaviest start that it leaves
open, less the heaviest that was open before: so the tokens of an output are together favoured by its own start's
weight, however many they are.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import regex

from secretariat.models.core import ChoiceConstraint, Sentence, VerbatimSpanConstraint
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.kernels.sampling.reference import Words

MAX_BYTES = 2**17  # the first mask looks at every place an output may start: some 50 ms of everyone's time

# One unbroken word keeps numbers, dates, contractions and addresses whole: 3.5, 2024-01-05, don't, a@b.org.
# Scripts written without spaces count every character as a word.
_PIECE = regex.compile(
    r"(?P<word>[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]\p{M}*"
    r"|(?:(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])[\w\p{M}])+"
    r"(?:[.,:/@'’_\-](?:(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])[\w\p{M}])+)*)"
    r"|(?P<space>\s+)|(?P<mark>\X)"
)


@dataclass(frozen=True)
class Source:
    """A text as UTF-8 and the byte offsets where output copied from it may start and may end.

    `weights`: of starts, where they have any.
    """

    text: bytes
    starts: tuple[int, ...]
    ends: frozenset[int]
    weights: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def whole(cls, text: str) -> Self:
        data = text.encode()
        return cls(data, (0,), frozenset({len(data)}))

    @classmethod
    def words(cls, text: str, sentences: Sequence[Sentence] = ()) -> Self:
        """Starts before a word or before a mark that follows white space; ends after a word or a mark.

        `sentences` in order, none overlapping.
        """
        starts, ends, offset, after_space = [], set[int](), 0, True
        weights = dict[int, float]()
        firsts = [sentence.start for sentence in sentences]
        for piece in _PIECE.finditer(text.rstrip()):
            size = len(piece[0].encode())
            if piece["space"] is None:
                if piece["word"] is not None or after_space:
                    starts.append(offset)
                    place = bisect_right(firsts, piece.start()) - 1
                    if place >= 0 and piece.start() < sentences[place].end:
                        weights[offset] = sentences[place].weight
                ends.add(offset + size)
            after_space = piece["space"] is not None
            offset += size
        return cls(text.rstrip().encode(), tuple(starts), frozenset(ends), weights)

    def reaching(self, vocabulary: Vocabulary) -> frozenset[int] | None:
        """The offsets from which an end can be spelled with this vocabulary; None when all of them can."""
        if vocabulary.lone_bytes.issuperset(self.text):
            return None
        alive = set(self.ends)
        for at in range(len(self.text) - 1, -1, -1):
            if any(end in alive for _, end in vocabulary.spellings(self.text, at)):
                alive.add(at)
        return frozenset(alive)


@dataclass(frozen=True, slots=True)
class _Reached:
    """After so much output: where in which source it may stand, its length and the length up to the last end.

    Each place has the weight of the heaviest start that leads there.
    """

    places: Mapping[tuple[int, int], float]
    length: int = 0
    settled: int = 0

    @property
    def weight(self) -> float:
        return max(self.places.values())


class CopyMatcher:
    """Where in the sources the output so far could have been copied from; see `Matcher` for the contract."""

    def __init__(self, vocabulary: Vocabulary, sources: Iterable[Source]) -> None:
        self._vocabulary = vocabulary
        self._sources = list(sources)
        if sum(len(source.text) for source in self._sources) > MAX_BYTES:
            raise ModelError(
                "invalid_request", f"more than {MAX_BYTES} bytes to copy from", param="response_format"
            )
        self._reaching = [source.reaching(vocabulary) for source in self._sources]
        places = {
            (index, start): source.weights.get(start, 0.0)
            for index, source in enumerate(self._sources)
            for start in source.starts
            if self._leads_to_an_end(index, start)
        }
        if not places:
            raise ModelError("invalid_request", "no text to copy from", param="response_format")
        self._past = [_Reached(places)]
        self._weighs = len(set(places.values())) > 1
        self._next: dict[int, dict[tuple[int, int], float]] | None = None

    def _leads_to_an_end(self, index: int, at: int) -> bool:
        reaching = self._reaching[index]
        return reaching is None or at in reaching

    @property
    def _now(self) -> _Reached:
        return self._past[-1]

    def _steps(self) -> dict[int, dict[tuple[int, int], float]]:
        """Every token that may come next, and the places after it."""
        if self._next is None:
            self._next = {}
            for (index, at), weight in self._now.places.items():
                for token_id, end in self._vocabulary.spellings(self._sources[index].text, at):
                    if self._leads_to_an_end(index, end):
                        after = self._next.setdefault(token_id, {})
                        after[index, end] = max(weight, after.get((index, end), -math.inf))
        return self._next

    @property
    def accepting(self) -> bool:
        return self._now.settled == self._now.length > 0

    @property
    def finished(self) -> bool:
        return self.accepting and all(at == len(self._sources[i].text) for i, at in self._now.places)

    @property
    def settled(self) -> int:
        return self._now.settled

    @property
    def biases(self) -> Mapping[int, float]:
        if not self._weighs:
            return {}
        most = self._now.weight
        return {token: max(after.values()) - most for token, after in self._steps().items()}

    @property
    def end_bias(self) -> float:
        """Of an end here, as `biases` has it of tokens; where it is accepting."""
        ended = (
            weight for (index, at), weight in self._now.places.items() if at in self._sources[index].ends
        )
        return max(ended) - self._now.weight

    def mask(self, budget: int) -> Words:  # noqa: ARG002 - what has settled keeps its promise however it ends
        allowed = self._vocabulary.words(self._steps())
        return allowed | self._vocabulary.eos_words if self.accepting else allowed

    def accept(self, token_id: int) -> None:
        places = self._steps().get(token_id)
        assert places, "a token outside the mask"
        length = self._now.length + len(self._vocabulary.tokens[token_id])
        at_end = any(end in self._sources[index].ends for index, end in places)
        self._past.append(_Reached(places, length, length if at_end else self._now.settled))
        self._next = None

    def rollback(self, count: int) -> None:
        assert count < len(self._past), "more than was accepted"
        if count:
            del self._past[-count:]
            self._next = None

    def valid(self, token_ids: Sequence[int], budget: int) -> int:  # noqa: ARG002 - see mask
        accepted = 0
        for token_id in token_ids:
            if token_id not in self._steps():
                break
            self.accept(token_id)
            accepted += 1
        self.rollback(accepted)
        return accepted

    def forced(self, budget: int) -> list[int]:  # noqa: ARG002 - see mask
        """With one place left and no end there, the tokens up to the next end are known."""
        if len(self._now.places) != 1 or self.accepting:
            return []
        ((index, at),) = self._now.places
        source = self._sources[index]
        rest = source.text[at : min(end for end in source.ends if end > at)]
        try:
            forced = self._vocabulary.encode(rest.decode())
        except UnicodeDecodeError:  # in the middle of a character: the model spells it out
            return []
        spelled = b"".join(self._vocabulary.tokens[token_id] for token_id in forced)
        return forced if spelled == rest else []


def span_matcher(constraint: VerbatimSpanConstraint, vocabulary: Vocabulary) -> CopyMatcher:
    sources = [Source.words(text) for text in constraint.texts]
    if constraint.otherwise is not None:
        sources.append(Source.whole(constraint.otherwise))
    return CopyMatcher(vocabulary, sources)


def choice_matcher(constraint: ChoiceConstraint, vocabulary: Vocabulary) -> CopyMatcher:
    if not all(constraint.choices):
        raise ModelError("invalid_request", "a choice can't be empty", param="response_format")
    return CopyMatcher(vocabulary, [Source.whole(choice) for choice in constraint.choices])
