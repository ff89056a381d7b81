"""The chat model as an adapter changes it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatRequest, ChatResult, TokenEvent
from secretariat.models.errors import ModelError
from secretariat.platform.adapters.serving import bring, served_name
from secretariat.platform.services import Services
from secretariat.platform.tables.training import AdapterRow


@dataclass(frozen=True, slots=True)
class AdaptedChat:
    """Asks `chat_model` for the adapter's model with the adapter. Implements models.client.ChatModel.

    An adapter that the server hasn't loaded (any more) is brought there and asked again.
    """

    chat_model: ChatModel
    services: Services
    tenant_id: UUID
    adapter_id: UUID
    model: str

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        named = self._named(request)
        try:
            return await self.chat_model.chat(named, call)
        except ModelError as error:
            await self._bring(error)
        return await self.chat_model.chat(named, call)

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncGenerator[TokenEvent, None]:
        named = self._named(request)
        try:
            async for event in _closing(self.chat_model.stream(named, call)):
                yield event
        except ModelError as error:
            await self._bring(error)
        else:
            return
        async for event in _closing(self.chat_model.stream(named, call)):
            yield event

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return await self.chat_model.count_tokens(texts, call)

    async def _bring(self, error: ModelError) -> None:
        """The server says so before anything of an answer is given."""
        if error.code != "adapter_not_found":
            raise error
        await bring(self.services, self.tenant_id, self.adapter_id, self.model)

    def _named(self, request: ChatRequest) -> ChatRequest:
        name = served_name(self.tenant_id, self.adapter_id)
        return replace(request, model=self.model, adapter=name)


async def _closing(events: AsyncIterator[TokenEvent]) -> AsyncGenerator[TokenEvent, None]:
    """Closing the iterator cancels the request; so it is closed wherever the reading stops."""
    if isinstance(events, AsyncGenerator):
        async with aclosing(events):
            async for event in events:
                yield event
        return
    async for event in events:
        yield event


def adapted(chat_model: ChatModel, services: Services, row: AdapterRow | None) -> ChatModel:
    """As it is, without an adapter."""
    if row is None or row.status == "deleted":
        return chat_model
    return AdaptedChat(chat_model, services, row.tenant_id, row.id, row.model)
