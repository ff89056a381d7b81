"""The chat model of a conversation: which one, what it takes at once, how fast it reads, how long a search takes.

Both are measured on the turns of this process; until there were some, a setting stands in for them.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from secretariat.agents.conversation.core import Reader, RouteChosen, TurnCompleted, TurnEvent
from secretariat.agents.core import PlanProposed
from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatRequest, ChatResult, TokenEvent
from secretariat.models.errors import ModelError
from secretariat.platform.adapters.chat import adapted
from secretariat.platform.services import Services
from secretariat.platform.tables.training import AdapterRow
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
        self.rates[model] = _smoothed(self.rates.get(model), tokens / seconds)


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


@dataclass(slots=True)
class SearchTimer:
    """From the choice to search to the answer, for each thing that was looked up; a resumed turn doesn't count."""

    model: str
    _began: float | None = None
    _lookups: int = 0

    def saw(self, event: TurnEvent) -> None:
        """An event of the turn, once it is on record."""
        match event:
            case RouteChosen(route="search"):
                self._began = time.monotonic()
            case PlanProposed(steps=steps):
                self._lookups = sum(step.tool == "search" for step in steps)
            case TurnCompleted() if self._began is not None and self._lookups:
                each = (time.monotonic() - self._began) / self._lookups
                _Known.searches[self.model] = _smoothed(_Known.searches.get(self.model), each)
            case _:
                pass


def _smoothed(before: float | None, measured: float) -> float:
    return measured if before is None else (1 - _NEWEST) * before + _NEWEST * measured


class _Known:
    """Of this process, by model: rates of reading, and seconds that a search takes."""

    rate: ClassVar[ReadingRate] = ReadingRate({})
    searches: ClassVar[dict[str, float]] = {}


def chat_of(services: Services, model: str, adapter: AdapterRow | None) -> MeasuredChat:
    chat = adapted(AssistantsChat(services.models, model), services, adapter)
    return MeasuredChat(chat, model, _Known.rate)


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
        search_seconds=_Known.searches.get(model),
    )
