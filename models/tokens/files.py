"""The text side of a checkpoint: vocabulary, chat template and which tokens end a text, from its files.

Knows nothing of tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.errors import ModelError
from secretariat.models.tokens.chat import ChatTemplate
from secretariat.models.tokens.gguf_bpe import tokenizer_of
from secretariat.models.tokens.hf_tokenizer import open_tokenizer
from secretariat.models.tokens.tokenizer import Tokenizer

_CONFIG = "config.json"
_GENERATION = "generation_config.json"
TOKENIZER = "tokenizer.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
TEXT_FILES = (_CONFIG, _GENERATION, TOKENIZER, _TOKENIZER_CONFIG, _TEMPLATE)


@dataclass(frozen=True, slots=True)
class TextSide:
    """`template` None: a base model, which continues texts and knows no conversation."""

    tokenizer: Tokenizer
    template: ChatTemplate | None


def text_of_gguf(metadata: Mapping[str, Any]) -> TextSide:
    """Raises ModelError("checkpoint_invalid")."""
    tokenizer = tokenizer_of(metadata)
    names = {index: token for token, index in tokenizer.control_tokens.items()}
    ids = {key: metadata.get(f"tokenizer.ggml.{key}_id") for key in ("bos_token", "eos_token")}
    specials = {key: names.get(index, "") for key, index in ids.items() if isinstance(index, int)}
    source = metadata.get("tokenizer.chat_template")
    return TextSide(tokenizer, ChatTemplate(source, **specials) if isinstance(source, str) else None)


def text_of_directory(directory: Path, size: int) -> TextSide:
    """`size`: rows of the network's embedding. Raises ModelError: "weights_missing" without a tokenizer.json,
    "checkpoint_invalid" for what is malformed."""
    optional = {name: _optional(directory / name) for name in (_CONFIG, _GENERATION, _TOKENIZER_CONFIG)}
    eos_ids = _eos_ids(optional[_GENERATION]) or _eos_ids(optional[_CONFIG])
    tokenizer = open_tokenizer(directory / TOKENIZER, size, eos_ids)
    settings = optional[_TOKENIZER_CONFIG]
    source = _template(directory, settings)
    specials = {key: _token_text(settings.get(key)) for key in ("bos_token", "eos_token")}
    return TextSide(tokenizer, None if source is None else ChatTemplate(source, **specials))


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _eos_ids(config: Mapping[str, Any]) -> frozenset[int]:
    named = config.get("eos_token_id")
    listed = named if isinstance(named, list) else [named]
    return frozenset(index for index in listed if type(index) is int)


def _template(directory: Path, settings: Mapping[str, Any]) -> str | None:
    """A file of its own, one text, or several by name of which `default` is meant for conversations."""
    if (directory / _TEMPLATE).is_file():
        return (directory / _TEMPLATE).read_text(encoding="utf-8")
    source = settings.get("chat_template")
    if isinstance(source, list):
        named = {entry.get("name"): entry.get("template") for entry in source if isinstance(entry, Mapping)}
        source = named.get("default")
    if source is not None and not isinstance(source, str):
        raise ModelError("checkpoint_invalid", f"{_TOKENIZER_CONFIG}: chat_template is no text")
    return source


def _token_text(token: object) -> str:
    """Written plainly, or as an object with its flags."""
    text = token.get("content") if isinstance(token, Mapping) else token
    return text if isinstance(text, str) else ""
