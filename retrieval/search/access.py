"""What a search may see: asked before anything is ranked, and again about what was found."""

from dataclasses import dataclass
from uuid import UUID

from secretariat.retrieval.core import Authority, Passage, Scope, SearchRequest


@dataclass(frozen=True, slots=True)
class Reach:
    """The documents that may be ranked, and how many the authority withheld."""

    documents: frozenset[UUID]
    denied: int

    @property
    def allowed(self) -> int:
        return len(self.documents)


async def reach(authority: Authority, scope: Scope, request: SearchRequest) -> Reach:
    documents, denied = await authority.readable_documents(scope, request.collection_ids)
    if request.document_ids is not None:
        documents &= request.document_ids
    return Reach(documents, denied)


async def still_readable(
    authority: Authority, scope: Scope, request: SearchRequest, passages: list[Passage]
) -> list[Passage]:
    """Without what a grant revoked while the search ran no longer permits."""
    now = await reach(authority, scope, request)
    return [passage for passage in passages if passage.chunk.document_id in now.documents]
