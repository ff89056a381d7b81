"""A tokenizer's vocabulary as bytes: what constraints, sampling and output text need to know of it.

Knows no merges and no templates.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from secretariat.models.kernels.sampling.reference import Words, packed
from secretariat.models.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """`tokens[i]` is the exact bytes of token i; controls are markup that never becomes text.

    `encode` gives the canonical tokens of a text. `guidance` gives the same vocabulary for llguidance.
    """

    tokens: Sequence[bytes]
    eos_ids: frozenset[int]
    control_ids: frozenset[int]
    encode: Callable[[str], list[int]]
    guidance: Callable[[], Any]

    def __post_init__(self) -> None:
        assert self.eos_ids, "a model that can't stop can't serve"

    @classmethod
    def of(cls, tokenizer: Tokenizer, eos_ids: frozenset[int]) -> Self:
        tokens = [tokenizer.token_bytes(token_id) for token_id in range(tokenizer.vocab_size)]
        controls = tokenizer.control_ids | eos_ids
        return cls(tokens, eos_ids, controls, tokenizer.encode, lambda: tokenizer.llguidance)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def grammar_view(self) -> Any:
        """Made when the first grammar is asked for: it takes some 40 MB and most of a second."""
        return self.guidance()

    def prepare(self) -> None:
        """Build the tables that constraints need."""
        for table in (self.prefixes, self.text_words, self.visible_words, self.eos_words):
            assert len(table)

    @cached_property
    def prefixes(self) -> dict[bytes, int]:
        """Every prefix of every text token -> the token with exactly these bytes, or -1."""
        table: dict[bytes, int] = {}
        for token_id, token in enumerate(self.tokens):
            if token_id in self.control_ids or not token:
                continue
            for length in range(1, len(token)):
                table.setdefault(token[:length], -1)
            if table.get(token, -1) < 0:
                table[token] = token_id
        return table

    @cached_property
    def _sorted(self) -> list[tuple[bytes, int]]:
        return sorted(
            (token, i) for i, token in enumerate(self.tokens) if token and i not in self.control_ids
        )

    def beginning_with(self, start: bytes) -> list[int]:
        """The text tokens whose bytes begin with `start`."""
        at, found = bisect_left(self._sorted, (start, -1)), []
        while at < len(self._sorted) and self._sorted[at][0].startswith(start):
            found.append(self._sorted[at][1])
            at += 1
        return found

    @cached_property
    def _containing(self) -> dict[bytes, list[int]]:
        return {}

    def containing(self, part: bytes) -> list[int]:
        """The text tokens that have these bytes anywhere in them. Remembered."""
        if part not in self._containing:
            self._containing[part] = [token_id for token, token_id in self._sorted if part in token]
        return self._containing[part]

    @cached_property
    def eos_words(self) -> Words:
        """The end tokens as mask bits."""
        return self.words(self.eos_ids)

    def words(self, token_ids: Iterable[int]) -> Words:
        """These tokens as mask bits, a uint32 for 32 tokens, the lowest bit first."""
        allowed = np.zeros(len(self), dtype=np.bool_)
        allowed[list(token_ids)] = True
        return packed(allowed)

    @cached_property
    def text_words(self) -> Words:
        """All text tokens as mask bits."""
        return self.words(token_id for _, token_id in self._sorted)

    @cached_property
    def visible_words(self) -> Words:
        """Those with more than white space."""
        return self.words(token_id for token, token_id in self._sorted if token.strip())

    @cached_property
    def lone_bytes(self) -> frozenset[int]:
        """The byte values that have a token of their own: a text of these alone can always be spelled."""
        return frozenset(token[0] for token, i in self.prefixes.items() if len(token) == 1 and i >= 0)

    def spellings(self, text: bytes, at: int) -> Iterator[tuple[int, int]]:
        """The tokens that `text` continues with at offset `at`, as (token id, offset after it)."""
        table = self.prefixes
        for end in range(at + 1, len(text) + 1):
            token_id = table.get(text[at:end])
            if token_id is None:
                return
            if token_id >= 0:
                yield token_id, end

    def spelled(self, text: bytes) -> list[int] | None:
        """Always the longest token that fits next; None where that leads nowhere.

        Any rest of such a spelling, from a token's edge on, is the spelling of the rest of the text.
        """
        at, token_ids = 0, []
        while at < len(text):
            step = max(self.spellings(text, at), key=lambda found: found[1], default=None)
            if step is None:
                return None
            token_ids.append(step[0])
            at = step[1]
        return token_ids
