"""Constrained output that is copied from given texts: verbatim spans and choices.

An automaton over byte positions in the sources, walked token by token. It needs no compilation, controls
where a span may begin and end (a lexer can't: it would cut words or swallow what follows), and its states
are few: after a token or two only the places where those words occur remain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import regex

from secretariat.models.core import ChoiceConstraint, VerbatimSpanConstraint
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError

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
    """A text as UTF-8 and the byte offsets where output copied from it may start and may end."""

    text: bytes
    starts: tuple[int, ...]
    ends: frozenset[int]

    @classmethod
    def whole(cls, text: str) -> Self:
        data = text.encode()
        return cls(data, (0,), frozenset({len(data)}))

    @classmethod
    def words(cls, text: str) -> Self:
        """Starts before a word or before a mark that follows white space; ends after a word or a mark."""
        starts, ends, offset, after_space = [], set[int](), 0, True
        for piece in _PIECE.finditer(text.rstrip()):
            size = len(piece[0].encode())
            if piece["space"] is None:
                if piece["word"] is not None or after_space:
                    starts.append(offset)
                ends.add(offset + size)
            after_space = piece["space"] is not None
            offset += size
        return cls(text.rstrip().encode(), tuple(starts), frozenset(ends))

    def reaching(self, vocabulary: Vocabulary) -> frozenset[int] | None:
        """The offsets from which an end can be spelled with this vocabulary; None when all of them can."""
        if vocabulary.lone_bytes.issuperset(self.text):
            return None
        alive = set(self.ends)
        for at in range(len(self.text) - 1, -1, -1):
            if any(end in alive for _, end in vocabulary.spellings(self.text, at)):
                alive.add(at)
        return frozenset(alive)


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
        self._places = {
            (index, start)
            for index, source in enumerate(self._sources)
            for start in source.starts
            if self._leads_to_an_end(index, start)
        }
        self._length = 0
        self._settled = 0
        if not self._places:
            raise ModelError("invalid_request", "no text to copy from", param="response_format")

    def _leads_to_an_end(self, index: int, at: int) -> bool:
        reaching = self._reaching[index]
        return reaching is None or at in reaching

    def _steps(self) -> Iterator[tuple[int, int, int]]:
        """(token id, source, offset after it) of every token that may come next."""
        for index, at in self._places:
            for token_id, end in self._vocabulary.spellings(self._sources[index].text, at):
                if self._leads_to_an_end(index, end):
                    yield token_id, index, end

    @property
    def accepting(self) -> bool:
        return self._settled == self._length > 0

    @property
    def finished(self) -> bool:
        return self.accepting and all(at == len(self._sources[i].text) for i, at in self._places)

    @property
    def settled(self) -> int:
        return self._settled

    def mask(self) -> np.ndarray:
        allowed = np.zeros(len(self._vocabulary), dtype=np.bool_)
        allowed[[token_id for token_id, _, _ in self._steps()]] = True
        if self.accepting:
            allowed[list(self._vocabulary.eos_ids)] = True
        return allowed

    def accept(self, token_id: int) -> None:
        places = {(index, end) for step, index, end in self._steps() if step == token_id}
        assert places, "a token outside the mask"
        self._places = places
        self._length += len(self._vocabulary.tokens[token_id])
        if any(end in self._sources[index].ends for index, end in places):
            self._settled = self._length

    def forced(self) -> list[int]:
        """With one place left and no end there, the tokens up to the next end are known."""
        if len(self._places) != 1 or self.accepting:
            return []
        ((index, at),) = self._places
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
