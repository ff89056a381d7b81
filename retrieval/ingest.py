"""The write path on one page: a file becomes text, chunks and vectors. Storing them is the caller's part."""

import asyncio
from pathlib import Path

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import ChunkDraft, ParsedDocument
from secretariat.retrieval.embed import Progress, embed_chunks
from secretariat.retrieval.parse import DEFAULT_LIMITS, ParseLimits, parse
from secretariat.retrieval.split import split


async def ingest(
    source: Path,
    filename: str,
    media_type: str | None,
    *,
    embedder: Embedder,
    call: CallContext,
    progress: Progress,
    limits: ParseLimits = DEFAULT_LIMITS,
) -> tuple[ParsedDocument, list[tuple[ChunkDraft, bytes]]]:
    """The document and its chunks with their vectors; `progress(done, total)` counts chunks.

    Raises DocumentRejectedError when the file can't be read, ModelError when it can't be embedded.
    """
    document = await parse(source, filename, media_type, limits)
    chunks = await asyncio.to_thread(split, document)
    vectors = await embed_chunks(document.title, chunks, embedder=embedder, call=call, progress=progress)
    return document, list(zip(chunks, vectors, strict=True))
