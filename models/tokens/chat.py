"""Conversation to token ids through a checkpoint's own chat template.

The template is code from a file, so it runs in jinja2's immutable sandbox. Message content is data:
a control token spelled out in it is encoded as plain text, so nobody can close a turn from inside one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError

_GUARD = "\ufdd0"  # a Unicode noncharacter: never in exchanged text; parts control tokens found in content


class ChatVocabulary(Protocol):
    @property
    def control_tokens(self) -> Mapping[str, int]: ...

    def encode(self, text: str, *, control: bool = False) -> list[int]: ...


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
    control = vocabulary.control_tokens
    if not control:
        return vocabulary.encode(template.render(messages))
    starts = re.compile(f"(?=(?:{_any_of(control)}))(.)", re.DOTALL)
    guarded = [
        ChatMessage(message.role, starts.sub(rf"\1{_GUARD}", message.content.replace(_GUARD, "")))
        for message in messages
    ]
    ids: list[int] = []
    for piece in re.split(f"({_any_of(control)})", template.render(guarded)):
        if piece in control:
            ids.append(control[piece])
        else:
            ids += vocabulary.encode(piece.replace(_GUARD, ""))
    return ids


def _any_of(control: Mapping[str, int]) -> str:
    return "|".join(map(re.escape, sorted(control, key=len, reverse=True)))


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
