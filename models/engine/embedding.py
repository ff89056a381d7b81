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
    RerankMethod,
    RerankResult,
    Usage,
)
from secretariat.models.engine.encoder_thread import EncoderThread
from secretariat.models.engine.identity import identity_of
from secretariat.models.engine.known_vectors import KnownVectors
from secretariat.models.engine.labels import best_first
from secretariat.models.engine.late_interaction import LateInteraction
from secretariat.models.errors import ModelError
from secretariat.models.nets.load import WeightsIdentity
from secretariat.models.nets.network import Arithmetic

_TRAINED_SCALE = 20.0


class TextEncoder(Protocol):
    """What `load_embedder` returns, as far as it is used here."""

    @property
    def identity(self) -> WeightsIdentity: ...

    @property
    def arithmetic(self) -> Arithmetic | None:
        """None: not known."""
        ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed_counted(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        """Unit vectors [texts, dim], and how many tokens were read."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def token_vectors(self, texts: Sequence[str]) -> Sequence[npt.NDArray[np.float16]]:
        """Of each text a unit vector of every token with its framing: [tokens, dim]."""
        ...


class LocalEmbedder:
    """An Embedder with a thread of its own."""

    refusal: ModelError | None = None
    keeps = False  # anything that would be lost with it

    def __init__(self, loaded: TextEncoder, weight_bytes: int = 0) -> None:
        self._loaded = loaded
        self._thread = EncoderThread("embedder")
        self._known = KnownVectors(loaded)
        self._late = LateInteraction(loaded)
        self.identity = identity_of(loaded.identity, loaded.arithmetic)
        self.bytes = weight_bytes

    @property
    def dim(self) -> int:
        return self._loaded.dim

    @property
    def max_tokens(self) -> int:
        return self._loaded.max_tokens

    def put_away(self) -> None:
        """As `close`, for one that will be wanted again."""
        self.close()

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
        made = await self._thread.run(lambda slice_: self._known.embed(slice_, call.tenant), texts, call)
        vectors = [vector for slice_, _ in made for vector in slice_]
        return EmbeddingResult(vectors, self.dim, Usage(sum(tokens for _, tokens in made), 0), self.identity)

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:  # noqa: ARG002
        return await asyncio.to_thread(self._loaded.count_tokens, texts)

    async def rerank(
        self,
        query: str,
        texts: Sequence[str],
        call: CallContext,
        top_n: int | None = None,
        method: RerankMethod = "embedding_cosine",
    ) -> RerankResult:
        """By the cosine of each text's embedding with the query's, or word by word. Of equals the first stays
        first."""
        compare = self._by_cosine if method == "embedding_cosine" else self._by_words
        scores, usage = await compare(query, texts, call)
        ranked = sorted(map(Ranked, range(len(scores)), scores), key=lambda entry: -entry.relevance)
        return RerankResult(tuple(ranked[:top_n]), method, usage, self.identity)

    async def _by_cosine(
        self, query: str, texts: Sequence[str], call: CallContext
    ) -> tuple[list[float], Usage]:
        result = await self.embed([query, *texts], call)
        asked_E, *vectors = (np.frombuffer(vector, "<f4") for vector in result.vectors)
        return [float(vector_E @ asked_E) for vector_E in vectors], result.usage

    async def _by_words(
        self, query: str, texts: Sequence[str], call: CallContext
    ) -> tuple[list[float], Usage]:
        made = await self._thread.run(
            lambda slice_: self._late.scores(query, slice_, call.tenant), texts, call
        )
        scores = [score for slice_, _ in made for score in slice_]
        return scores, Usage(sum(tokens for _, tokens in made), 0)

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
