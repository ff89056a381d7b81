"""The byte-level BPE vocabulary a GGUF file carries, built onto the `tokenizers` library.

Knows nothing of how the file is read: it takes the metadata as a mapping.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from llguidance import LLTokenizer
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from secretariat.models.errors import ModelError
from secretariat.models.tokens.bytelevel import to_bytes
from secretariat.models.tokens.detokenizer import Detokenizer

_ENDS = ("<|im_end|>", "<|endoftext|>")  # end a text whichever of them the file names as its end
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4


def _byte_level() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


_PRE_TOKENIZERS: Mapping[str, Callable[[], pre_tokenizers.PreTokenizer]] = MappingProxyType(
    {
        "gpt-2": _byte_level,
        "smollm": lambda: pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), _byte_level()]
        ),
    }
)


class GgufBpeTokenizer:
    """Implements Tokenizer. Text is never read as control tokens unless the caller asks for it."""

    def __init__(
        self, backend: Backend, vocab_bytes: Sequence[bytes], control: Mapping[str, int], eos: int
    ) -> None:
        self._backend = backend
        self._vocab_bytes = vocab_bytes
        self._control = control
        self._control_pattern = re.compile("|".join(map(re.escape, sorted(control, key=len, reverse=True))))
        self.eos_id = eos
        self.eos_ids = frozenset({eos, *(control[token] for token in _ENDS if token in control)})
        self.control_ids = frozenset(control.values())

    @staticmethod
    def of(metadata: Mapping[str, Any]) -> "GgufBpeTokenizer":
        """From `tokenizer.ggml.*`. Raises ModelError("checkpoint_invalid") naming the key that is wrong."""
        if (kind := metadata.get("tokenizer.ggml.model")) != "gpt2":
            raise _invalid("model", f"{kind!r} is not supported, only gpt2 (byte-level BPE)")
        tokens = _list(metadata, "tokens", str)
        kinds = _list(metadata, "token_type", int)
        eos = metadata.get("tokenizer.ggml.eos_token_id")
        if len(set(tokens)) != len(tokens):
            raise _invalid("tokens", "are not distinct")
        if len(kinds) != len(tokens):
            raise _invalid("token_type", f"has {len(kinds)} entries for {len(tokens)} tokens")
        if not isinstance(eos, int) or not 0 <= eos < len(tokens):
            raise _invalid("eos_token_id", f"{eos!r} is outside the vocabulary")
        backend = _backend(metadata, tokens)
        control = {token: index for index, token in enumerate(tokens) if kinds[index] == _CONTROL}
        backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
        backend.add_tokens(
            [
                AddedToken(token, normalized=False)
                for token, kind in zip(tokens, kinds, strict=True)
                if kind == _USER_DEFINED
            ]
        )
        backend.encode_special_tokens = True
        return GgufBpeTokenizer(backend, _vocab_bytes(tokens, kinds), control, eos)

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


def _backend(metadata: Mapping[str, Any], tokens: Sequence[str]) -> Backend:
    pre = metadata.get("tokenizer.ggml.pre")
    if not isinstance(pre, str) or pre not in _PRE_TOKENIZERS:
        raise _invalid("pre", f"{pre!r} is not supported, only {', '.join(_PRE_TOKENIZERS)}")
    merges = [tuple(merge.split(" ")) for merge in _list(metadata, "merges", str)]
    vocab = {token: index for index, token in enumerate(tokens)}
    for merge in merges:
        if len(merge) != 2 or not {*merge, "".join(merge)} <= vocab.keys():
            raise _invalid("merges", f"{' '.join(merge)!r} joins no two tokens to a third")
    backend = Backend(models.BPE(vocab=vocab, merges=merges))
    backend.pre_tokenizer = _PRE_TOKENIZERS[pre]()
    backend.decoder = decoders.ByteLevel()
    return backend


def _vocab_bytes(tokens: Sequence[str], kinds: Sequence[int]) -> list[bytes]:
    by_kind: Mapping[int, Callable[[str], bytes]] = {_NORMAL: to_bytes, _USER_DEFINED: str.encode}
    try:
        return [
            by_kind[kind](token) if kind in by_kind else b""
            for token, kind in zip(tokens, kinds, strict=True)
        ]
    except KeyError as error:
        raise _invalid("tokens", f"hold {error}, which is outside the byte-level alphabet") from None


def _list(metadata: Mapping[str, Any], key: str, item: type) -> list[Any]:
    value = metadata.get(f"tokenizer.ggml.{key}")
    if not isinstance(value, list) or not all(isinstance(entry, item) for entry in value):
        raise _invalid(key, f"is no list of {item.__name__}")
    return value


def _invalid(key: str, problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"tokenizer.ggml.{key} {problem}")
