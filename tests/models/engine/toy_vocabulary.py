"""A byte vocabulary with a few longer tokens, for what needs no network."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
from llguidance import LLTokenizer, TokenizerWrapper

from secretariat.models.engine.grammar import Matcher
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.kernels.sampling.reference import unpacked
from secretariat.models.tokens.detokenizer import Detokenizer

EOS = 256
CONTROL = 257
WORDS = (b" the", b" of", b"ing", b" span", b"\n\n", b" not", "é".encode(), b" word")
TAGGING = (
    b"</", b"<c", b"co", b"co:", b" <", b">The", b"> ", b" 1", b"1,", b",2", b"<co: 1>", b"</co:", b"a</co: 1> b",
)  # fmt: skip

CROSSING = (b"<co: 1", b">.", b"</co: 1>")


class ToyTokenizer:
    """Bytes, two controls and a few longer tokens, spelled greedily."""

    eos_ids = frozenset({EOS})
    eos_id = EOS
    control_ids = frozenset({CONTROL})
    control_tokens = MappingProxyType({"<control>": CONTROL})

    def __init__(self, words: Sequence[bytes] = WORDS) -> None:
        self._words = words
        self.vocab_size = 258 + len(words)

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        data, ids = text.encode(), list[int]()
        while data:
            word = next((i for i, w in enumerate(self._words) if data.startswith(w)), None)
            ids.append(data[0] if word is None else 258 + word)
            data = data[len(self.token_bytes(ids[-1])) :]
        return ids

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.encode(text)) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self.token_bytes(i) for i in ids).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        if token < 256:
            return bytes([token])
        return b"" if token < 258 else self._words[token - 258]

    def detokenizer(self) -> Detokenizer:
        return Detokenizer([self.token_bytes(i) for i in range(self.vocab_size)])

    @cached_property
    def llguidance(self) -> LLTokenizer:
        return LLTokenizer(TokenizerWrapper(_Wrapped(self)))


class _Wrapped:
    eos_token_id = EOS
    bos_token_id = None
    special_token_ids = (EOS, CONTROL)

    def __init__(self, tokenizer: ToyTokenizer) -> None:
        names = {EOS: b"<eos>", CONTROL: b"<control>"}
        self.tokens = [names.get(i, tokenizer.token_bytes(i)) for i in range(tokenizer.vocab_size)]
        self._tokenizer = tokenizer

    def __call__(self, text: str | bytes) -> list[int]:
        return self._tokenizer.encode(text if isinstance(text, str) else text.decode())


VOCABULARY = Vocabulary.of(ToyTokenizer(), frozenset({EOS}))
TAGGING_VOCABULARY = Vocabulary.of(ToyTokenizer((*WORDS, *TAGGING)), frozenset({EOS}))
CROSSING_VOCABULARY = Vocabulary.of(ToyTokenizer((*WORDS, *CROSSING)), frozenset({EOS}))


def allowed(matcher: Matcher, budget: int = 1000, vocabulary: Vocabulary = VOCABULARY) -> list[int]:
    """The tokens of its mask."""
    found: list[int] = np.flatnonzero(unpacked(matcher.mask(budget), len(vocabulary))).tolist()
    return found
