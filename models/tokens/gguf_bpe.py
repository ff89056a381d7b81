"""The byte-level BPE vocabulary a GGUF file carries, built onto the `tokenizers` library.

Knows nothing of how the file is read: it takes the metadata as a mapping.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from secretariat.models.errors import ModelError
from secretariat.models.tokens.backend_tokenizer import BackendTokenizer
from secretariat.models.tokens.bytelevel import to_bytes

_ENDS = ("<|im_end|>", "<|endoftext|>")  # end a text whichever of them the file names as its end
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4


def _byte_level() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def _split(pattern: str) -> Callable[[], pre_tokenizers.PreTokenizer]:
    """Words by a regular expression of the model's makers, then bytes."""

    def steps() -> pre_tokenizers.PreTokenizer:
        words = pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)
        return pre_tokenizers.Sequence(
            [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )

    return steps


_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PRE_TOKENIZERS: Mapping[str, Callable[[], pre_tokenizers.PreTokenizer]] = MappingProxyType(
    {
        "gpt-2": _byte_level,
        "smollm": lambda: pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), _byte_level()]
        ),
        "llama-bpe": _split(_WORDS % r"\p{N}{1,3}"),
        "qwen2": _split(_WORDS % r"\p{N}"),
    }
)


def tokenizer_of(metadata: Mapping[str, Any]) -> BackendTokenizer:
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
    ends = frozenset({eos, *(control[token] for token in _ENDS if token in control)})
    return BackendTokenizer(backend, _vocab_bytes(tokens, kinds), control, ends, eos)


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
