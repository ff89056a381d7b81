"""Guesses of what comes next, copied from what was there: prompt-lookup speculation (Saxena 2023).

A grounded answer repeats its documents. The tokens that followed the last occurrence of the latest few are
proposed, as many as pay: every token drawn also shows whether the look-up would have foretold it, so how far to
trust a match of a length is known for this request even while nothing is proposed. Knows no network; never changes
what is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from secretariat.models.engine.request import Generation
from secretariat.models.engine.vocabulary import Vocabulary

_LONG, _SHORT = 4, 2  # tokens that a match is looked up by
_CANDIDATES = 16  # latest occurrences looked at, for the one that goes back furthest
_BACK = 16  # a longer match is trusted no more than one of so many tokens
_CLASSES = (2, 3, 4, 6, 9, 16)  # the least match length of each class
_TRUST = (0.3, 0.4, 0.5, 0.65, 0.8, 0.92)  # how often a match of it foretells, before anything was seen
_WEIGHT = 4.0  # of that, in observations
_MEMORY = 0.97  # of older observations at each new one
_MIX = 0x9E3779B97F4A7C15  # odd, of high entropy (Knuth's multiplicative hashing)


@dataclass(frozen=True, slots=True)
class DraftCosts:
    """In forward passes of one token: what a pass with drafts costs more, at all and for each draft."""

    any: float = 0.05
    each: float = 0.15


class Drafter:
    """Proposes drafts for the requests of one engine. One thread at a time."""

    def __init__(self, vocabulary: Vocabulary, costs: DraftCosts | None = None) -> None:
        self._controls = vocabulary.control_ids | vocabulary.eos_ids
        self._costs = costs or DraftCosts()
        self._lookups: WeakKeyDictionary[Generation, Lookup] = WeakKeyDictionary()

    def propose(self, generation: Generation, limit: int) -> list[int]:
        """Up to `limit` tokens that may follow `generation.tokens`; none that the constraint would refuse."""
        budget = generation.sampling.max_tokens - generation.drawn
        limit = min(limit, budget - 1)  # the row behind the last draft draws a token too
        if limit < 1 or not generation.sampling.speculate:
            return []
        matcher = generation.matcher
        if matcher is not None and not generation.drawn and (forced := matcher.forced(budget)):
            return forced[:limit]
        drafts = self._lookup(generation).propose(limit, self._costs)
        end = next((i for i, token in enumerate(drafts) if token in self._controls), len(drafts))
        drafts = drafts[:end]
        return drafts if matcher is None or not drafts else drafts[: matcher.valid(drafts, budget)]

    def _lookup(self, generation: Generation) -> "Lookup":
        lookup = self._lookups.get(generation)
        if lookup is None:
            lookup = self._lookups[generation] = Lookup(generation.prompt)
        lookup.follow(generation.tokens)
        return lookup


class Lookup:
    """Where the latest tokens of one request occurred before, and how well that foretold what came."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens = list(prompt)
        self._grams = tuple(_Grams(size, prompt) for size in (_LONG, _SHORT))
        self._right = [trust * _WEIGHT for trust in _TRUST]
        self._seen = [_WEIGHT] * len(_TRUST)
        self._at, self._length = self._search()

    def follow(self, tokens: Sequence[int]) -> None:
        """Take in what was drawn since."""
        for token in tokens[len(self._tokens) :]:
            self._take(token)

    def _take(self, token: int) -> None:
        foretold = self._length > 0 and self._tokens[self._at] == token
        if self._length:
            kind = _class_of(self._length)
            self._right[kind] = self._right[kind] * _MEMORY + foretold
            self._seen[kind] = self._seen[kind] * _MEMORY + 1
        for grams in self._grams:
            grams.add(self._tokens)
        self._tokens.append(token)
        if foretold:
            self._at, self._length = self._at + 1, self._length + 1
        else:
            self._at, self._length = self._search()

    def _search(self) -> tuple[int, int]:
        """Where the continuation of the longest of the latest matches is, and its length; length 0: nowhere."""
        for grams in self._grams:
            best, at = 0, 0
            for place in grams.latest(self._tokens):
                length = self._common(place)
                if length > best:
                    best, at = length, place
            if best >= _SHORT:
                return at, best
        return 0, 0

    def _common(self, place: int) -> int:
        """How many tokens before `place` are the latest ones, up to a bound."""
        tokens, end, length = self._tokens, len(self._tokens), 0
        bound = min(place, _BACK)
        while length < bound and tokens[place - 1 - length] == tokens[end - 1 - length]:
            length += 1
        return length

    def propose(self, limit: int, costs: DraftCosts) -> list[int]:
        """The continuation, as long as promises the most tokens for its cost."""
        count = self._worth(limit, costs) if self._length else 0
        drafts = self._tokens[self._at : self._at + count]
        while len(drafts) < count:  # a match that overlaps the end repeats itself
            drafts.append(drafts[len(drafts) - (len(self._tokens) - self._at)])
        return drafts

    def _worth(self, limit: int, costs: DraftCosts) -> int:
        best, worth, expected, reached = 0, 1.0, 1.0, 1.0
        for count in range(1, limit + 1):
            kind = _class_of(self._length + count - 1)
            reached *= self._right[kind] / self._seen[kind]
            expected += reached
            value = expected / (1 + costs.any + costs.each * count)
            if value > worth:
                best, worth = count, value
        return best


class _Grams:
    """Ends of the occurrences of every run of `size` tokens that something follows.

    Sorted for the prompt, which is compact and made in one go; a table for what comes later.
    """

    def __init__(self, size: int, prompt: Sequence[int]) -> None:
        self._size = size
        tokens = np.array(prompt, dtype=np.uint64)
        keys = np.zeros(max(len(tokens) - size, 0), dtype=np.uint64)
        for i in range(size if len(keys) else 0):
            keys = keys * np.uint64(_MIX) + tokens[i : i + len(keys)]
        order = keys.argsort(kind="stable")
        self._keys, self._ends = keys[order], (order + size).astype(np.int32)
        self._later: dict[int, list[int]] = {}

    def _key(self, tokens: Sequence[int]) -> int:
        key = 0
        for token in tokens[-self._size :]:
            key = (key * _MIX + token) & (2**64 - 1)
        return key

    def add(self, tokens: Sequence[int]) -> None:
        """The last run of these is about to be followed by another token."""
        if len(tokens) >= self._size:
            self._later.setdefault(self._key(tokens), []).append(len(tokens))

    def latest(self, tokens: Sequence[int]) -> list[int]:
        """Earlier ends of the run that `tokens` ends with, the latest first. Hashes may collide."""
        if len(tokens) < self._size:
            return []
        key = self._key(tokens)
        found = self._later.get(key, [])[: -_CANDIDATES - 1 : -1]
        if len(found) < _CANDIDATES and len(self._keys):
            low = int(self._keys.searchsorted(np.uint64(key), side="left"))
            high = int(self._keys.searchsorted(np.uint64(key), side="right"))
            earlier = self._ends[max(low, high - _CANDIDATES + len(found)) : high]
            found = [*found, *earlier[::-1].tolist()]
        return found


def _class_of(length: int) -> int:
    kind = len(_CLASSES) - 1
    while kind and length < _CLASSES[kind]:
        kind -= 1
    return kind
