"""The seams through which everything else uses a model. `remote.py` speaks HTTP behind them."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from secretariat.models.core import (
    CallContext,
    ChatRequest,
    ChatResult,
    EmbeddingResult,
    ModelCard,
    TokenEvent,
)


class ChatModel(Protocol):
    """A model that continues a conversation.

    Raises ModelError. Closing the iterator of `stream` cancels the request and frees its memory.
    """

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult: ...

    def stream(self, request: ChatRequest, call: CallContext) -> AsyncIterator[TokenEvent]: ...

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        """How many tokens of the chat model each text takes (no template, no specials)."""
        ...


class Embedder(Protocol):
    """A model that turns texts into unit vectors; dot product is cosine similarity. Raises ModelError."""

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult: ...


class ModelCatalogue(Protocol):
    async def models(self) -> list[ModelCard]: ...
