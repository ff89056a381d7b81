"""What an assistant lays down for work that is done in its name: where it looks, and which model answers."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatRequest, ChatResult, TokenEvent
from secretariat.platform.tables.tasks import Assistant


def collections_within(chosen: Collection[UUID], assistant: Assistant | None) -> frozenset[UUID] | None:
    """Those that were chosen, among the assistant's where it has some; None where neither says anything."""
    wanted = frozenset(chosen)
    offered = frozenset(assistant.collection_ids) if assistant else frozenset[UUID]()
    if not wanted and not offered:
        return None
    return wanted & offered if wanted and offered else wanted or offered


@dataclass(frozen=True, slots=True)
class AssistantsChat:
    """The chat model that the assistant names, for requests that name none. Implements models.client.ChatModel."""

    chat_model: ChatModel
    model: str

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        return await self.chat_model.chat(self._named(request), call)

    def stream(self, request: ChatRequest, call: CallContext) -> AsyncIterator[TokenEvent]:
        return self.chat_model.stream(self._named(request), call)

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return await self.chat_model.count_tokens(texts, call)

    def _named(self, request: ChatRequest) -> ChatRequest:
        return replace(request, model=self.model) if request.model == "default" else request
