"""Chunks and authorities for tests of indexes and search."""

import hashlib
import random
from collections.abc import Collection, Iterable
from uuid import NAMESPACE_DNS, UUID, uuid5

from secretariat.models.client import Embedder
from secretariat.retrieval.core import Chunk, DocumentFilter, Permit, Scope, Span
from secretariat.retrieval.embed import embedding_text
from secretariat.retrieval.index.roster import Within
from secretariat.retrieval.index.view import IndexView
from tests.retrieval.embedders import CALL, HashingEmbedder

TENANT = uuid5(NAMESPACE_DNS, "tenant")
COLLECTION = uuid5(NAMESPACE_DNS, "collection")
GRANT = uuid5(NAMESPACE_DNS, "grant")
SCOPE = Scope(TENANT)
TOPICS = ("hotel", "invoice", "holiday", "laptop", "visitor", "forklift", "training", "password")


def document_id(name: str) -> UUID:
    return uuid5(COLLECTION, name)


async def chunks(embedder: Embedder, texts: Iterable[tuple[str, str]]) -> list[Chunk]:
    """One chunk for each (document's name, text)."""
    pairs = list(texts)
    result = await embedder.embed([embedding_text(name, (), text) for name, text in pairs], CALL)
    return [
        Chunk(
            id=uuid5(document_id(name), f"{ordinal} {text}"),
            collection_id=COLLECTION,
            document_id=document_id(name),
            document_title=name,
            ordinal=ordinal,
            span=Span(0, len(text)),
            text=text,
            heading_path=(),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            vector=vector,
            seq=0,
        )
        for ordinal, ((name, text), vector) in enumerate(zip(pairs, result.vectors, strict=True))
    ]


async def corpus(count: int, seed: int = 0) -> list[Chunk]:
    """Chunks of twenty documents, each with a word of its own."""
    choose = random.Random(seed)
    texts = []
    for number in range(count):
        words = [*choose.choices(TOPICS, k=12), f"number{number}"]
        texts.append((f"document {number % 20}", " ".join(words) + "."))
    return await chunks(HashingEmbedder(), texts)


async def ranked(view: IndexView, query: str = "hotel number3") -> list[list[tuple[UUID, float]]]:
    """What a search of everything finds by meaning and by word, with scores."""
    vector = (await HashingEmbedder().embed([query], CALL)).vectors[0]
    rankings = await view.rank(query, vector, Permit(collections={COLLECTION: GRANT}), Within(), 10)
    return [
        [(rankings.chunks[row].id, scores[row]) for row in rows]
        for rows, scores in ((rankings.dense, rankings.cosines), (rankings.lexical, rankings.bm25))
    ]


class Grants:
    """An Authority whose grants can be changed while a search runs."""

    def __init__(self, readable: Iterable[UUID]) -> None:
        self.readable_now = set(readable)
        self.matches: frozenset[UUID] = frozenset()

    async def permit(self, scope: Scope) -> Permit:
        return Permit(documents=dict.fromkeys(self.readable_now, GRANT))

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        return self.matches

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        return dict.fromkeys(self.readable_now.intersection(document_ids), GRANT)
