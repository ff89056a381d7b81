"""Embedders for tests: the real encoder in this process where its weights lie, else a hash of words."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, EmbeddingResult, ModelIdentity, Usage

CALL = CallContext(tenant="test", request_id="test")
MINILM = Path(__file__).parents[2] / ".secretariat" / "models" / "all-minilm-l6-v2"


class HashingEmbedder:
    """A test double, deterministic and offline: texts that share words are near. Understands nothing."""

    dim = 64

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        vectors = [self._vector(text) for text in texts]
        return EmbeddingResult(vectors, self.dim, Usage(0, 0), ModelIdentity("hashing", "", "test", 1, "f4"))

    def _vector(self, text: str) -> bytes:
        total = np.full(self.dim, 1e-3)
        for word in re.findall(r"\w+", text.casefold()):
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
            total += np.random.default_rng(seed).standard_normal(self.dim)
        return bytes((total / np.linalg.norm(total)).astype("<f4").tobytes())


class EncoderHere:
    """all-MiniLM-L6-v2 through the project's own encoder, without the server between."""

    def __init__(self) -> None:
        import torch

        from secretariat.models.nets.load_encoder import load_embedder

        torch.set_num_threads(2)
        self._model = load_embedder(MINILM)

    async def embed(self, texts: Sequence[str], call: CallContext) -> EmbeddingResult:
        matrix = await asyncio.to_thread(self._model.embed, texts)
        vectors = [row.astype("<f4").tobytes() for row in matrix]
        identity = ModelIdentity("all-minilm-l6-v2", "", "local", 2, "float32")
        return EmbeddingResult(vectors, matrix.shape[1], Usage(0, 0), identity)


def best_embedder() -> Embedder:
    return EncoderHere() if (MINILM / "model.safetensors").is_file() else HashingEmbedder()
