"""The vocabulary of a Hugging Face tokenizer.json.

Two kinds are known: byte-level (GPT-2's alphabet) and SentencePiece's (▁ for a space, <0x0A> for a byte).
Knows nothing of templates.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from secretariat.models.errors import ModelError
from secretariat.models.tokens.backend_tokenizer import BackendTokenizer
from secretariat.models.tokens.bytelevel import to_bytes

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


def open_tokenizer(path: Path, size: int, eos_ids: frozenset[int]) -> BackendTokenizer:
    """`size`: rows of the network's embedding. Raises ModelError: "weights_missing" without a file,
    "checkpoint_invalid" for one that is malformed, of another kind or too large for the network."""
    if not path.is_file():
        raise ModelError("weights_missing", f"{path} does not exist")
    try:
        backend = Backend.from_str(_as_in_a_chat(path.read_text(encoding="utf-8")))
    except Exception as error:  # the library raises bare Exception
        raise _invalid(f"{error}") from error
    if not eos_ids:
        raise ModelError(
            "checkpoint_invalid",
            "no token is said to end a text: config.json or generation_config.json must name eos_token_id",
        )
    if max(eos_ids) >= size:
        raise _invalid(f"the tokens {sorted(eos_ids)} that end a text are not among the network's {size}")
    added: Mapping[int, AddedToken] = backend.get_added_tokens_decoder()
    control = {token.content: index for index, token in added.items() if token.special}
    vocab_bytes, unnamed = _vocab_bytes(backend, added, size)
    return BackendTokenizer(backend, vocab_bytes, control, eos_ids, min(eos_ids), unnamed)


def _as_in_a_chat(text: str) -> str:
    """A space that SentencePiece would put before the first word of a text is not put before each piece between
    control tokens: a conversation begins with one."""
    described = json.loads(text)
    for step in _steps(described.get("pre_tokenizer")):
        if step.get("type") == "Metaspace" and step.get("prepend_scheme") == "first":
            step["prepend_scheme"] = "never"
    return json.dumps(described)


def _steps(described: Any) -> list[dict[str, Any]]:
    """A part of a pipeline and what it is a sequence of."""
    if not isinstance(described, dict):
        return []
    inside = [*described.get("pretokenizers", []), *described.get("decoders", [])]
    return [described, *(step for part in inside for step in _steps(part))]


def _vocab_bytes(
    backend: Backend, added: Mapping[int, AddedToken], size: int
) -> tuple[list[bytes], frozenset[int]]:
    """What each id stands for, and the ids that no token has."""
    names = {index: token for token, index in backend.get_vocab(with_added_tokens=True).items()}
    if names and max(names) >= size:
        raise _invalid(f"has {max(names) + 1} tokens, the network {size}")
    spelled = _spelling(backend)
    table = [b""] * size
    for index, token in names.items():
        if index in added:
            table[index] = b"" if added[index].special else token.encode()
        else:
            try:
                table[index] = spelled(token)
            except KeyError as error:
                raise _invalid(f"token {token!r} holds {error}, outside the byte-level alphabet") from None
    return table, frozenset(range(size)) - names.keys()


def _spelling(backend: Backend) -> Callable[[str], bytes]:
    described = json.loads(backend.to_str())
    kinds = {
        step.get("type") for part in ("pre_tokenizer", "decoder") for step in _steps(described.get(part))
    }
    if "ByteLevel" in kinds:
        return to_bytes
    if "ByteFallback" in kinds or "Metaspace" in kinds:
        return _sentencepiece_bytes
    raise _invalid(f"is of no known kind: its steps are {sorted(map(str, kinds - {None}))}")


def _sentencepiece_bytes(token: str) -> bytes:
    if match := _BYTE_TOKEN.fullmatch(token):
        return bytes([int(match[1], 16)])
    return token.replace("▁", " ").encode()


def _invalid(problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"tokenizer.json: {problem}")
