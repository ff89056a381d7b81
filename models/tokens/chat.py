"""Conversation to token ids through a checkpoint's own chat template.

The template is code from a file, so it runs in jinja2's immutable sandbox. Message content is data:
a control token spelled out in it is encoded as plain text, so nobody can close a turn from inside one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, Protocol, Self

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from secretariat.models.core import ChatMessage, Role
from secretariat.models.errors import ModelError

_GUARD = "\ufdd0"  # a Unicode noncharacter: never in exchanged text; parts control tokens found in content
_SEAM = "\ufdd1"  # another one: where one part of a content ends and the next begins


class ChatVocabulary(Protocol):
    @property
    def control_tokens(self) -> Mapping[str, int]: ...

    def encode(self, text: str, *, control: bool = False) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A message whose content comes in parts; no token spans two of them."""

    role: Role
    parts: tuple[str, ...]

    @classmethod
    def of(cls, message: ChatMessage) -> Self:
        return cls(message.role, (message.content,))


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """Token ids of a conversation. `boundaries`: lengths of beginnings that other prompts may share, ascending:
    at the end of each part and before each control token. `asked`: where the last part of the last message begins,
    None where that is in one piece."""

    ids: list[int]
    boundaries: tuple[int, ...]
    asked: int | None = None


class ChatTemplate:
    """A jinja template of the kind Hugging Face tokenizers carry."""

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelError("checkpoint_invalid", f"the chat template does not parse: {error}") from error
        self.source = source
        self._specials = {"bos_token": bos_token, "eos_token": eos_token}

    def render(self, messages: Sequence[ChatMessage], *, add_generation_prompt: bool = True) -> str:
        """Raises ModelError("invalid_request") where the template refuses the conversation."""
        try:
            return self._template.render(
                messages=[{"role": message.role, "content": message.content} for message in messages],
                add_generation_prompt=add_generation_prompt,
                **self._specials,
            )
        except TemplateError as error:
            raise ModelError(
                "invalid_request", f"the chat template refuses this conversation: {error}", param="messages"
            ) from error


def encode_chat(
    template: ChatTemplate, vocabulary: ChatVocabulary, messages: Sequence[ChatMessage]
) -> list[int]:
    """Token ids of the conversation up to the assistant's turn."""
    return lay_out(template, vocabulary, [Turn.of(message) for message in messages]).ids


def lay_out(
    template: ChatTemplate,
    vocabulary: ChatVocabulary,
    turns: Sequence[Turn],
    *,
    add_generation_prompt: bool = True,
) -> ChatPrompt:
    """The conversation as tokens, up to the assistant's turn where `add_generation_prompt`."""
    control = vocabulary.control_tokens
    starts = re.compile(f"(?=(?:{_any_of(control)}))(.)", re.DOTALL) if control else None

    def plain(part: str) -> str:
        bare = part.replace(_GUARD, "").replace(_SEAM, "")
        return bare if starts is None else starts.sub(rf"\1{_GUARD}", bare)

    guarded = [ChatMessage(turn.role, _SEAM.join(map(plain, turn.parts))) for turn in turns]
    text = template.render(guarded, add_generation_prompt=add_generation_prompt)
    ids: list[int] = []
    boundaries, asked = set[int](), None
    for piece in re.split(f"({_any_of(control)}|{_SEAM})" if control else f"({_SEAM})", text):
        if piece == _SEAM or piece in control:
            boundaries.add(len(ids))
            asked = len(ids) if piece == _SEAM else asked
            ids += [] if piece == _SEAM else [control[piece]]
        else:
            ids += vocabulary.encode(piece.replace(_GUARD, ""))
    in_parts = bool(turns) and len(turns[-1].parts) > 1
    return ChatPrompt(ids, tuple(sorted(boundaries - {0, len(ids)})), asked if in_parts else None)


def header_tokens(template: ChatTemplate, vocabulary: ChatVocabulary) -> int:
    """Of the template's opening of an answer, at least the one whose logits choose its first: an adapter that acts
    late acts from there on."""
    turns = [Turn("user", ("x",))]
    opened, closed = (
        lay_out(template, vocabulary, turns, add_generation_prompt=opens).ids for opens in (True, False)
    )
    return max(len(opened) - len(closed), 1)


def _any_of(control: Mapping[str, int]) -> str:
    return "|".join(map(re.escape, sorted(control, key=len, reverse=True)))


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
