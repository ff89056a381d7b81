"""The chat model of a conversation: which one, what it takes at once, and how fast it reads.

The rate at which it reads prompts is measured on the calls of this process; until there were some, a setting
stands in for it.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from secretariat.agents.conversation.core import Reader
from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatRequest, ChatResult, TokenEvent
from secretariat.models.errors import ModelError
from secretariat.platform.services import Services
from secretariat.platform.tasks.terms import AssistantsChat

_LEAST_TOKENS = 64  # of a prompt read anew, for its time to say something
_NEWEST = 0.2  # share of the newest measurement in the rate
_DRAWN_AS_READ = 8  # tokens of a prompt that take as long as drawing one


@dataclass(slots=True)
class ReadingRate:
    """Tokens of prompts read a second, by model; smoothed."""

    rates: dict[str, float]

    def note(self, model: str, tokens: int, seconds: float) -> None:
        if tokens < _LEAST_TOKENS or seconds <= 0:
            return
        measured = tokens / seconds
        before = self.rates.get(model, measured)
        self.rates[model] = (1 - _NEWEST) * before + _NEWEST * measured


@dataclass(frozen=True, slots=True)
class MeasuredChat:
    """A chat model with its reading timed, under the name of the model. Implements models.client.ChatModel."""

    chat_model: ChatModel
    model: str
    rate: ReadingRate

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        started = time.monotonic()
        result = await self.chat_model.chat(request, call)
        seconds = time.monotonic() - started
        usage = result.usage
        new = usage.prompt_tokens - usage.cached_tokens
        share = new / (new + usage.completion_tokens * _DRAWN_AS_READ) if new > 0 else 0.0
        self.rate.note(self.model, new, seconds * share)
        return result

    def stream(self, request: ChatRequest, call: CallContext) -> AsyncIterator[TokenEvent]:
        return self.chat_model.stream(request, call)

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return await self.chat_model.count_tokens(texts, call)


class _Known:
    """Of this process: rates that were measured, and what models take at once."""

    rate: ClassVar[ReadingRate] = ReadingRate({})


def chat_of(services: Services, model: str) -> MeasuredChat:
    return MeasuredChat(AssistantsChat(services.models, model), model, _Known.rate)


async def reader_of(services: Services, model: str) -> Reader | None:
    """None where the model server can't say now: the turn then searches."""
    try:
        cards = [card for card in await services.models.models() if card.kind == "chat"]
    except ModelError:
        return None
    named = [card for card in cards if card.name == model] or cards[:1]
    if not named:
        return None
    measured = _Known.rate.rates.get(model)
    return Reader(
        context_length=named[0].context_length,
        prefill_rate=measured or services.settings.prefill_tokens_per_second,
        rate_from="setting" if measured is None else "measured",
    )
