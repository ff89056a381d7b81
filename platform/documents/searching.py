"""A search on behalf of a caller: found under the live grants, recorded before its result is given."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.documents import repository
from secretariat.platform.documents.layout import Layout, layout_of
from secretariat.platform.indexes.search import searcher
from secretariat.platform.services import Services
from secretariat.platform.web.errors import ConflictError, InvalidError, UnavailableError
from secretariat.retrieval.core import DocumentFilter, Passage, SearchRequest, SearchResult
from secretariat.retrieval.errors import FilterTooWideError, IndexBehindError


class IndexNotThereYetError(ConflictError):
    code, title = "INDEX_BEHIND", "The index is not that far"


async def search(services: Services, caller: Caller, request: SearchRequest) -> SearchResult:
    """Raises UnavailableError, IndexNotThereYetError, InvalidError (a filter too wide)."""
    call = CallContext(tenant=str(caller.tenant_id), request_id=caller.request_id)
    authority = PersonAuthority(services.database, caller.user_id, services.permits)
    find = await searcher(services.indexes, caller.tenant_id, authority, services.models, call)
    try:
        result = await find.search(caller.scope, request)
    except ModelError as error:
        raise UnavailableError("The embedding model does not answer. Try again shortly.") from error
    except IndexBehindError as error:
        raise IndexNotThereYetError(error.message) from error
    except FilterTooWideError as error:
        raise InvalidError(error.message) from error
    await _record(services, caller, request, result)
    return result


async def layouts(services: Services, caller: Caller, result: SearchResult) -> Mapping[UUID, Layout]:
    """Of the documents that were found, those that have one."""
    async with services.database.tenant(caller.tenant_id) as session:
        found = {passage.chunk.document_id for passage in result.passages}
        ids = await repository.layout_ids(session, caller.principals, found)
        return {
            document_id: layout_of(await services.contents.json(session, layout_id))
            for document_id, layout_id in ids.items()
        }


async def _record(services: Services, caller: Caller, request: SearchRequest, result: SearchResult) -> None:
    async with services.database.tenant(caller.tenant_id) as session:
        asked = [request.query, *request.rephrasings]
        words = await services.contents.put_many(session, asked)
        fingerprint = await services.contents.fingerprint(session)
        await record(
            session,
            caller.did(
                "DATA_ACCESS",
                "search",
                Resource("index", str(caller.tenant_id)),
                details=_evidence(request, result, fingerprint),
                content=tuple(
                    ContentRef("query" if place == 0 else "rephrasing", stored)
                    for place, stored in enumerate(words)
                ),
            ),
        )


def _evidence(
    request: SearchRequest, result: SearchResult, fingerprint: Callable[[str], str]
) -> dict[str, Any]:
    return {
        "allowed": result.allowed,
        "denied": result.denied,
        "index_seq": result.index_seq,
        "confidence": round(result.confidence, 4) if result.confidence is not None else None,
        "collection_ids": _listed(request.collection_ids),
        "document_ids": _listed(request.document_ids),
        "where": _conditions(request.where) if request.where is not None else None,
        "returned": [
            {
                "chunk_id": str(passage.chunk.id),
                "document_id": str(passage.chunk.document_id),
                "start": passage.chunk.span.start,
                "end": passage.chunk.span.end,
                "fingerprint": fingerprint(passage.chunk.text),
                "rule": str(passage.rule),
                "shown": _shown(passage),
            }
            for passage in result.passages
        ],
    }


def _shown(passage: Passage) -> list[int]:
    """From where to where the document's words were given, neighbours included."""
    span = passage.surroundings.span if passage.surroundings else passage.chunk.span
    return [span.start, span.end]


def _listed(ids: frozenset[UUID] | None) -> list[str] | None:
    return sorted(map(str, ids)) if ids is not None else None


def _conditions(where: DocumentFilter) -> dict[str, Any]:
    sets = {"media_types": where.media_types, "languages": where.languages, "sources": where.sources}
    dates = {"since": where.since, "until": where.until}
    return {name: sorted(values) for name, values in sets.items() if values is not None} | {
        name: day.isoformat() for name, day in dates.items() if day is not None
    }
