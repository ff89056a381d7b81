"""Chunks and authorities for tests of indexes and search."""

import hashlib
from collections.abc import Collection, Iterable
from uuid import NAMESPACE_DNS, UUID, uuid5

from secretariat.models.client import Embedder
from secretariat.retrieval.core import Chunk, DocumentFilter, Permit, Scope, Span
from secretariat.retrieval.embed import embedding_text
from tests.retrieval.embedders import CALL

TENANT = uuid5(NAMESPACE_DNS, "tenant")
COLLECTION = uuid5(NAMESPACE_DNS, "collection")
GRANT = uuid5(NAMESPACE_DNS, "grant")
SCOPE = Scope(TENANT, frozenset({"user:x"}))


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
