"""Text to token ids and back for one vocabulary, over the `tokenizers` library.

Owns which ids are control tokens: plain text never becomes one. Knows nothing of chat or models.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from llguidance import LLTokenizer

from secretariat.models.tokens.detokenizer import Detokenizer


class Tokenizer(Protocol):
    """A chat vocabulary. `encode` never yields a control token unless `control=True`."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def eos_ids(self) -> frozenset[int]: ...

    @property
    def eos_id(self) -> int: ...

    @property
    def control_tokens(self) -> Mapping[str, int]: ...

    @property
    def control_ids(self) -> frozenset[int]:
        """Ids that stand for markup (`<|im_end|>` …), never shown to a reader."""
        ...

    def encode(self, text: str, *, control: bool = False) -> list[int]: ...

    def count(self, texts: Sequence[str]) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids` without control tokens; bytes that are no UTF-8 become U+FFFD."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; empty for control tokens."""
        ...

    def detokenizer(self) -> Detokenizer: ...

    @cached_property
    def llguidance(self) -> LLTokenizer:
        """The same vocabulary as llguidance wants it for constrained decoding."""
        ...
