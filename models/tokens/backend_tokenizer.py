"""A vocabulary over the `tokenizers` library, whichever file it came from.

Owns which ids are control tokens: plain text never becomes one. Knows no file format.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from llguidance import LLTokenizer
from tokenizers import Tokenizer as Backend

from secretariat.models.tokens.detokenizer import Detokenizer


class BackendTokenizer:
    """Implements Tokenizer. Text is never read as control tokens unless the caller asks for it.

    `vocab_bytes`: what each id stands for. `unnamed`: ids that no token has, since a network's rows are often
    rounded up; they count as control tokens.
    """

    def __init__(
        self,
        backend: Backend,
        vocab_bytes: Sequence[bytes],
        control: Mapping[str, int],
        eos_ids: frozenset[int],
        eos_id: int,
        unnamed: frozenset[int] = frozenset(),
    ) -> None:
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = True
        self._backend = backend
        self._vocab_bytes = vocab_bytes
        self._control = control
        self._control_pattern = re.compile("|".join(map(re.escape, sorted(control, key=len, reverse=True))))
        self.eos_id = eos_id
        self.eos_ids = eos_ids
        self.control_ids = frozenset(control.values()) | unnamed

    @property
    def vocab_size(self) -> int:
        return len(self._vocab_bytes)

    @cached_property
    def missing_bytes(self) -> frozenset[int]:
        """Bytes no token stands for: `encode` leaves them out, as the model's makers do."""
        single = {token[0] for token in self._vocab_bytes if len(token) == 1}
        return frozenset(range(256)) - single

    @property
    def control_tokens(self) -> Mapping[str, int]:
        return self._control

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        if not control or not self._control:
            return self._plain(text)
        ids: list[int] = []
        at = 0
        for match in self._control_pattern.finditer(text):
            ids += self._plain(text[at : match.start()])
            ids.append(self._control[match.group()])
            at = match.end()
        return ids + self._plain(text[at:])

    def count(self, texts: Sequence[str]) -> list[int]:
        encodings = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self._vocab_bytes[token] for token in ids).decode("utf-8", "replace")

    def token_bytes(self, token: int) -> bytes:
        return self._vocab_bytes[token]

    def detokenizer(self) -> Detokenizer:
        return Detokenizer(self._vocab_bytes)

    @cached_property
    def llguidance(self) -> LLTokenizer:
        return LLTokenizer(self._backend.to_str(), n_vocab=self.vocab_size, eos_token=self.eos_id)

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids if text else []
        return ids
