"""Chunks to unit vectors, in batches, through whatever Embedder is given. Knows no model."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, ModelIdentity
from secretariat.models.errors import ModelError
from secretariat.retrieval.core import ChunkDraft

BATCH = 32
_IN_FLIGHT = 2  # while one batch travels, the model has another to compute
_LONGEST = 16_384  # letters; no encoder reads as many, and a request takes a batch of them
Progress = Callable[[int, int], Awaitable[None]]


def place(title: str, heading_path: Sequence[str], text: str) -> str:
    """Title and headings in one line, without the headings that the text opens with."""
    opening = text[:400]
    headings = [heading for heading in heading_path if heading != title and heading not in opening]
    return " > ".join([title, *headings])


def embedding_text(title: str, heading_path: Sequence[str], text: str, header: str = "") -> str:
    """What is embedded for a chunk: where it stands, the header of the table it goes on with, what it says."""
    return "\n".join(part for part in (place(title, heading_path, text), header, text) if part)


async def embedding_model(embedder: Embedder, call: CallContext) -> ModelIdentity:
    """Which model embeds: only its answers say so. Raises ModelError."""
    return (await embedder.embed(["?"], call)).model


def basis(title: str, model: ModelIdentity) -> str:
    """What every vector of a document depends on beside its chunk's key: the model, the numbers it computes in,
    and the title.

    Vectors of equal key and basis are equal, up to the rounding of one form of the weights.
    """
    stated = [model.name, model.weights_sha256, model.dtype, title]
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


async def embed_chunks(
    title: str,
    chunks: Sequence[ChunkDraft],
    *,
    embedder: Embedder,
    call: CallContext,
    progress: Progress,
    model: ModelIdentity | None = None,
) -> list[bytes]:
    """One unit-length float32 vector (little-endian bytes) for each chunk, in order. Raises ModelError, also where
    another than `model` answers: vectors of two models can't be compared.

    Texts of like length go together, so that none waits for a longer one.
    """
    texts = [
        embedding_text(title, chunk.heading_path, chunk.text, chunk.header)[:_LONGEST] for chunk in chunks
    ]
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    vectors: dict[int, bytes] = {}
    done = 0

    async def embed(batch: Sequence[int]) -> int:
        result = await embedder.embed([texts[position] for position in batch], call)
        assert len(result.vectors) == len(batch), "an embedder answers with one vector for each text"
        if model is not None and basis(title, result.model) != basis(title, model):
            raise ModelError("unreachable", "another embedder answers than before", retryable=True)
        vectors.update(zip(batch, result.vectors, strict=True))
        return len(batch)

    under_way: deque[asyncio.Task[int]] = deque()
    await progress(0, len(texts))
    try:
        for number, batch in enumerate(batches, 1):
            under_way.append(asyncio.create_task(embed(batch)))
            while len(under_way) == _IN_FLIGHT or (under_way and number == len(batches)):
                done += await under_way[0]
                under_way.popleft()
                await progress(done, len(texts))
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    return [vectors[position] for position in range(len(texts))]
