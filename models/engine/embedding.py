"""The embedder in this process: asyncio on one side, a thread of its own on the other.

Knows no HTTP and no engine. Shape letters: T texts, L labels, E width of an embedding.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from secretariat.models.catalog import CATALOG
from secretariat.models.core import (
    CallContext,
    ClassifyResult,
    EmbeddingResult,
    ModelCard,
    Ranked,
    RerankResult,
    Usage,
)
from secretariat.models.engine.encoder_thread import EncoderThread
from secretariat.models.engine.identity import identity_of
from secretariat.models.engine.labels import best_first
from secretariat.models.errors import ModelError
from secretariat.models.nets.load import WeightsIdentity

_TRAINED_SCALE = 20.0


class TextEncoder(Protocol):
    """What `load_embedder` returns, as far as it is used here."""

    @property
    def identity(self) -> WeightsIdentity: ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors [texts, dim]."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


class LocalEmbedder:
    """An Embedder with a thread of its own."""

    refusal: ModelError | None = None
    keeps = False  # anything that would be lost with it

    def __init__(self, loaded: TextEncoder, weight_bytes: int = 0) -> None:
        self._loaded = loaded
        self._thread = EncoderThread("embedder")
        self.identity = identity_of(loaded.identity)
        self.bytes = weight_bytes

    @property
    def dim(self) -> int:
        return self._loaded.dim

    @property
    def max_tokens(self) -> int:
        return self._loaded.max_tokens

    def close(self) -> None:
        self._thread.close()

    def card(self) -> ModelCard:
        known = CATALOG.get(self.identity.name)
        return ModelCard(
            self.identity.name,
            "embedding",
            self.max_tokens,
            known.licence if known else "unknown",
            self.identity.weights_sha256,
            self.dim,
        )

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        made = await self._thread.run(self._run, texts, call)
        vectors = [vector for slice_, _ in made for vector in slice_]
        return EmbeddingResult(vectors, self.dim, Usage(sum(tokens for _, tokens in made), 0), self.identity)

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:  # noqa: ARG002
        return await asyncio.to_thread(self._loaded.count_tokens, texts)

    async def rerank(
        self, query: str, texts: Sequence[str], call: CallContext, top_n: int | None = None
    ) -> RerankResult:
        """By the cosine of each text's embedding with the query's. Of equals the first stays first."""
        result = await self.embed([query, *texts], call)
        asked_E, *vectors = (np.frombuffer(vector, "<f4") for vector in result.vectors)
        ranked = [Ranked(index, float(vector_E @ asked_E)) for index, vector_E in enumerate(vectors)]
        ranked.sort(key=lambda entry: -entry.relevance)
        return RerankResult(tuple(ranked[:top_n]), "embedding_cosine", result.usage, self.identity)

    async def classify(
        self, texts: Sequence[str], labels: Sequence[str], call: CallContext
    ) -> ClassifyResult:
        """Softmax over the labels of 20 times the cosine with the text: what such encoders are trained to
        (Reimers & Gurevych, arXiv:1908.10084, with the ranking loss of sentence-transformers)."""
        result = await self.embed([*labels, *texts], call)
        rows = np.stack([np.frombuffer(vector, "<f4") for vector in result.vectors]).astype(np.float64)
        labels_LE, texts_TE = rows[: len(labels)], rows[len(labels) :]
        powers_TL = np.exp(_TRAINED_SCALE * (texts_TE @ labels_LE.T - 1))
        shares_TL = powers_TL / powers_TL.sum(axis=1, keepdims=True)
        scores = tuple(best_first(dict(zip(labels, row.tolist(), strict=True))) for row in shares_TL)
        return ClassifyResult(scores, result.usage, self.identity)

    def _run(self, texts: Sequence[str]) -> tuple[list[bytes], int]:
        """Vectors, and how many tokens were read."""
        vectors = self._loaded.embed(texts).astype("<f4")
        counts = self._loaded.count_tokens(texts)
        return [row.tobytes() for row in vectors], sum(min(n, self.max_tokens) for n in counts)
