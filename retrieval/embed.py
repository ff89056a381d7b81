"""Chunks to unit vectors, in batches, through whatever Embedder is given. Knows no model."""

from collections.abc import Awaitable, Callable, Sequence

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import ChunkDraft

BATCH = 32
Progress = Callable[[int, int], Awaitable[None]]


def place(title: str, heading_path: Sequence[str], text: str) -> str:
    """Title and headings in one line, without the headings that the text opens with."""
    opening = text[:400]
    headings = [heading for heading in heading_path if heading != title and heading not in opening]
    return " > ".join([title, *headings])


def embedding_text(title: str, heading_path: Sequence[str], text: str, header: str = "") -> str:
    """What is embedded for a chunk: where it stands, the header of the table it goes on with, what it says."""
    return "\n".join(part for part in (place(title, heading_path, text), header, text) if part)


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
