"""A tokenizer's vocabulary as bytes: what constraints, sampling and output text need to know of it.

Knows no merges and no templates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from secretariat.models.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """`tokens[i]` is the exact bytes of token i; controls are markup that never becomes text.

    `encode` gives the canonical tokens of a text. `grammar_view` is the same vocabulary for llguidance.
    """

    tokens: Sequence[bytes]
    eos_ids: frozenset[int]
    control_ids: frozenset[int]
    encode: Callable[[str], list[int]]
    grammar_view: Any

    def __post_init__(self) -> None:
        assert self.eos_ids, "a model that can't stop can't serve"

    @classmethod
    def of(cls, tokenizer: Tokenizer, eos_ids: frozenset[int]) -> Self:
        tokens = [tokenizer.token_bytes(token_id) for token_id in range(tokenizer.vocab_size)]
        controls = tokenizer.control_ids | eos_ids
        return cls(tokens, eos_ids, controls, tokenizer.encode, tokenizer.llguidance)

    def __len__(self) -> int:
        return len(self.tokens)

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
