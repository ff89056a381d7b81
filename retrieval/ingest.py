"""The write path on one page: a file becomes text, chunks and vectors. Storing them is the caller's part."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from secretariat.models.client import Embedder, TokenCounter
from secretariat.models.core import CallContext, ModelIdentity
from secretariat.retrieval.core import ChunkDraft, ParsedDocument
from secretariat.retrieval.embed import Progress, basis, embed_chunks, embedding_model
from secretariat.retrieval.parse import DEFAULT_LIMITS, ParseLimits, parse
from secretariat.retrieval.split import split
from secretariat.retrieval.tokens import AskedTokens, Estimate, Tokens

KnownVector = Callable[[str, str], bytes | None]
"""(ChunkDraft.key, basis) to the vector that an earlier reading of the document made of the same; None: none."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """Chunks with their vectors, `embedded` of them new. `basis` is what all vectors depend on (embed.basis), the
    model among it."""

    document: ParsedDocument
    chunks: list[tuple[ChunkDraft, bytes]]
    basis: str
    embedded: int
    model: ModelIdentity


async def ingest(
    source: Path | BinaryIO,
    filename: str,
    media_type: str | None,
    *,
    embedder: Embedder,
    call: CallContext,
    progress: Progress,
    counter: TokenCounter | None = None,
    known: KnownVector = lambda _key, _basis: None,
    limits: ParseLimits = DEFAULT_LIMITS,
) -> Ingested:
    """The document and its chunks; `progress(done, total)` counts chunks that have their vectors.

    Only chunks that aren't known are embedded. Without a counter, sizes are estimated. Raises
    DocumentRejectedError when the file can't be read, ModelError when it can't be embedded.
    """
    document = await parse(source, filename, media_type, limits)
    loop = asyncio.get_running_loop()
    tokens: Tokens = AskedTokens(counter, call, loop) if counter else Estimate()
    drafts = await asyncio.to_thread(split, document, tokens)
    model = await embedding_model(embedder, call)
    made_on = basis(document.title, model)
    vectors = {draft.key: vector for draft in drafts if (vector := known(draft.key, made_on)) is not None}
    fresh = [draft for draft in drafts if draft.key not in vectors]

    async def report(done: int, _total: int) -> None:
        await progress(len(drafts) - len(fresh) + done, len(drafts))

    made = await embed_chunks(
        document.title, fresh, embedder=embedder, call=call, progress=report, model=model
    )
    vectors |= {draft.key: vector for draft, vector in zip(fresh, made, strict=True)}
    return Ingested(document, [(draft, vectors[draft.key]) for draft in drafts], made_on, len(fresh), model)
