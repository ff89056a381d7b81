"""The seams through which everything else uses a model. `remote.py` speaks HTTP behind them."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from secretariat.models.core import (
    CallContext,
    ChatRequest,
    ChatResult,
    ClassifyResult,
    EmbeddingResult,
    ModelCard,
    RerankMethod,
    RerankResult,
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


class TokenCounter(Protocol):
    """Says how long texts are to the embedder. Raises ModelError."""

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:
        """Tokens of each whole text, the encoder's framing tokens included; nothing is cut."""
        ...


class Reranker(Protocol):
    """A model that orders texts by how much they say about a query. Raises ModelError."""

    async def rerank(
        self,
        query: str,
        texts: Sequence[str],
        call: CallContext,
        top_n: int | None = None,
        method: RerankMethod = "embedding_cosine",
    ) -> RerankResult: ...


class Classifier(Protocol):
    """A model that says which of the given labels fits a text. Raises ModelError."""

    async def classify(
        self, texts: Sequence[str], labels: Sequence[str], call: CallContext
    ) -> ClassifyResult: ...


class ModelCatalogue(Protocol):
    async def models(self) -> list[ModelCard]: ...
