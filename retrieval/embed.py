"""Chunks to unit vectors, in batches, through whatever Embedder is given. Knows no model."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import ChunkDraft

BATCH = 32
_IN_FLIGHT = 2  # while one batch travels, the model has another to compute
Progress = Callable[[int, int], Awaitable[None]]


def place(title: str, heading_path: Sequence[str], text: str) -> str:
    """Title and headings in one line, without the headings that the text opens with."""
    opening = text[:400]
    headings = [heading for heading in heading_path if heading != title and heading not in opening]
    return " > ".join([title, *headings])


def embedding_text(title: str, heading_path: Sequence[str], text: str, header: str = "") -> str:
    """What is embedded for a chunk: where it stands, the header of the table it goes on with, what it says."""
    return "\n".join(part for part in (place(title, heading_path, text), header, text) if part)


async def basis(title: str, embedder: Embedder, call: CallContext) -> str:
    """What every vector of a document depends on beside its chunk's key: the model's weights and the title.

    Vectors of equal key and basis are equal. The model is asked for one vector: only its answers say which it is.
    """
    answered = await embedder.embed([title or "?"], call)
    model = answered.model
    return hashlib.sha256(json.dumps([model.name, model.weights_sha256, title]).encode()).hexdigest()


async def embed_chunks(
    title: str,
    chunks: Sequence[ChunkDraft],
    *,
    embedder: Embedder,
    call: CallContext,
    progress: Progress,
) -> list[bytes]:
    """One unit-length float32 vector (little-endian bytes) for each chunk, in order. Raises ModelError.

    Texts of like length go together, so that none waits for a longer one.
    """
    texts = [embedding_text(title, chunk.heading_path, chunk.text, chunk.header) for chunk in chunks]
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    vectors: dict[int, bytes] = {}
    done = 0

    async def embed(batch: Sequence[int]) -> int:
        result = await embedder.embed([texts[position] for position in batch], call)
        assert len(result.vectors) == len(batch), "an embedder answers with one vector for each text"
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
