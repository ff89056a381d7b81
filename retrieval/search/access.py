"""What a search may see: asked before anything is ranked, and again about what was found."""

from collections.abc import Sequence
from dataclasses import replace

from secretariat.retrieval.core import Authority, Passage, Scope, SearchRequest
from secretariat.retrieval.index.roster import Within


async def within(authority: Authority, scope: Scope, request: SearchRequest) -> Within:
    """The documents the request is about, whoever asks."""
    documents = request.document_ids
    if request.where is not None:
        matching = await authority.matching(scope, request.where)
        documents = matching if documents is None else documents & matching
    return Within(request.collection_ids, documents)


async def still_readable(authority: Authority, scope: Scope, passages: Sequence[Passage]) -> list[Passage]:
    """Each with the grant that opens it, without what a grant revoked while the search ran no longer permits."""
    found = {passage.chunk.document_id for passage in passages}
    rules = await authority.readable(scope, found) if found else {}
    return [
        replace(passage, rule=rules[passage.chunk.document_id])
        for passage in passages
        if passage.chunk.document_id in rules
    ]
