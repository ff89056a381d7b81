"""Chunks to unit vectors, in batches, through whatever Embedder is given. Knows no model."""

from collections.abc import Awaitable, Callable, Sequence

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import ChunkDraft

BATCH = 32
Progress = Callable[[int, int], Awaitable[None]]


def embedding_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """What is embedded for a chunk: where it stands, then what it says. Headings inside aren't repeated."""
    opening = text[:400]
    where = [title, *(heading for heading in heading_path if heading != title and heading not in opening)]
    return " > ".join(where) + "\n" + text


async def embed_chunks(
    title: str,
    chunks: Sequence[ChunkDraft],
    *,
    embedder: Embedder,
    call: CallContext,
    progress: Progress,
) -> list[bytes]:
    """One unit-length float32 vector (little-endian bytes) for each chunk, in order. Raises ModelError."""
    vectors: list[bytes] = []
    await progress(0, len(chunks))
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        texts = [embedding_text(title, chunk.heading_path, chunk.text) for chunk in batch]
        result = await embedder.embed(texts, call)
        assert len(result.vectors) == len(batch), "an embedder answers with one vector for each text"
        vectors += result.vectors
        await progress(len(vectors), len(chunks))
    return vectors
