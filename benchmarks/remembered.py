"""The served models, every vector kept on disk: a collection is embedded once, an interrupted run goes on.

Keyed by the weights and the text. Scores of the re-ranker are always computed.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from secretariat.models.core import CallContext, EmbeddingResult, RerankMethod, RerankResult, Usage
from secretariat.models.remote import RemoteModels

_AT_ONCE = 64


class RememberedModels:
    """An Embedder, Reranker and TokenCounter."""

    def __init__(self, models: RemoteModels, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._models = models
        self._kept = sqlite3.connect(path)
        self._kept.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        probe = await self._models.embed(["which model is this"], call)
        keys = [_key(probe.model.weights_sha256, text) for text in texts]
        known = {key: vector for key in keys if (vector := self._vector(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        names = list(missing)
        for start in range(0, len(names), _AT_ONCE):
            batch = names[start : start + _AT_ONCE]
            made = await self._models.embed([missing[key] for key in batch], call)
            known |= dict(zip(batch, made.vectors, strict=True))
            self._kept.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)", [(key, known[key]) for key in batch]
            )
            self._kept.commit()
        return EmbeddingResult([known[key] for key in keys], probe.dim, Usage(0, 0), probe.model)

    async def rerank(
        self,
        query: str,
        texts: Sequence[str],
        call: CallContext,
        top_n: int | None = None,
        method: RerankMethod = "embedding_cosine",
    ) -> RerankResult:
        return await self._models.rerank(query, texts, call, top_n, method)

    async def count_embedded(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return await self._models.count_embedded(texts, call)

    async def aclose(self) -> None:
        self._kept.close()
        await self._models.aclose()

    def _vector(self, key: bytes) -> bytes | None:
        found = self._kept.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if found is None else bytes(found[0])


def _key(weights: str, text: str) -> bytes:
    return hashlib.sha256(f"{weights}\n{text}".encode()).digest()
