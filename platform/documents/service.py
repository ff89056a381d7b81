"""What can be done with documents. Takes the session first and never commits."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.access import grants
from secretariat.platform.access.authority import GrantAuthority
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import AuditEvent, ContentRef, EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.documents import repository, schemas
from secretariat.platform.documents.policies import manages_collections
from secretariat.platform.documents.upload import IncomingFile
from secretariat.platform.indexes.chunk_log import tombstone_document
from secretariat.platform.indexes.repository import forget
from secretariat.platform.indexes.search import searcher
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import ChunkRow, Document
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import ConflictError, NotFoundError, UnavailableError
from secretariat.retrieval.core import SearchRequest, SearchResult

INGEST = "documents.ingest"


class NotReadyError(ConflictError):
    code, title = "DOCUMENT_NOT_READY", "The document is not ready"


async def upload(
    session: TenantSession, services: Services, caller: Caller, collection_id: UUID, incoming: IncomingFile
) -> Document:
    """The file, its document, the job that reads it and the record of all that. Raises NotFoundError."""
    collection = await repository.collection(session, collection_id, caller.principals, lock="share")
    if collection is None:
        raise NotFoundError("collection")
    blob = await services.blobs.put(session, incoming.pieces(), incoming.media_type)
    document = Document(
        tenant_id=session.tenant_id,
        id=new_id(),
        collection_id=collection.id,
        name=incoming.name,
        media_type=incoming.media_type,
        size=blob.size,
        sha256=blob.sha256,
        blob_id=blob.id,
        created_by=caller.user_id,
    )
    await repository.add(session, document)
    subject = Subject("document", document.id, document.name)
    document.job_id = await enqueue(session, INGEST, subject, queue="documents", requested_by=caller.user_id)
    facts = {"collection_id": str(collection.id), "sha256": blob.sha256, "bytes": blob.size}
    await _record(session, caller, "DATA_INGEST", "document.uploaded", document, facts)
    return document


async def document(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """Raises NotFoundError."""
    found = await repository.document(session, document_id, caller.principals)
    if found is None:
        raise NotFoundError("document")
    return found


async def listed(
    session: TenantSession,
    caller: Caller,
    limit: int,
    after: UUID | None,
    collection_id: UUID | None,
    status: str | None,
) -> list[Document]:
    return await repository.documents(
        session, caller.principals, limit=limit, after=after, collection_id=collection_id, status=status
    )


async def jobs_of(session: TenantSession, rows: Sequence[Document]) -> dict[UUID, Job]:
    """The jobs of documents that are not finished, by document."""
    waiting = {row.id: row.job_id for row in rows if row.status in ("queued", "processing") and row.job_id}
    jobs = await repository.jobs(session, list(waiting.values()))
    return {document_id: jobs[job_id] for document_id, job_id in waiting.items() if job_id in jobs}


async def text(
    session: TenantSession, services: Services, caller: Caller, document_id: UUID
) -> tuple[Document, str]:
    """Raises NotFoundError, NotReadyError."""
    found = await _ready(session, caller, document_id)
    assert found.text_id is not None
    await _record(session, caller, "DATA_ACCESS", "document.text", found, {})
    return found, await services.contents.text(session, found.text_id)


async def chunks(
    session: TenantSession,
    services: Services,
    caller: Caller,
    document_id: UUID,
    *,
    limit: int,
    after: UUID | None,
) -> list[tuple[ChunkRow, dict[str, Any]]]:
    """Chunks with their words {text, heading_path}. Raises NotFoundError, NotReadyError."""
    found = await _ready(session, caller, document_id)
    rows = await repository.chunks(session, found.id, limit=limit, after=after)
    words = await services.contents.get_many(session, [row.content_id for row in rows if row.content_id])
    await _record(session, caller, "DATA_ACCESS", "document.chunks", found, {"chunks": len(rows)})
    return [(row, orjson.loads(words[row.content_id])) for row in rows if row.content_id in words]


async def content(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    """The document whose original is about to be read, whatever became of it. Raises NotFoundError."""
    found = await document(session, caller, document_id)
    await _record(session, caller, "DATA_ACCESS", "document.content", found, {"sha256": found.sha256})
    return found


async def delete(session: TenantSession, services: Services, caller: Caller, document_id: UUID) -> None:
    """The words, the vectors and the original are forgotten; the records' commitments stay."""
    await document(session, caller, document_id)
    found = await repository.locked_document(session, document_id)
    if found is None or found.status == "deleted":
        raise NotFoundError("document")
    chunks = await tombstone_document(session, found.id)
    text_id, found.text_id, found.title, found.pages = found.text_id, None, None, []
    found.problem, found.chunk_count = None, 0
    repository.touch(found, "deleted")
    await session.flush()
    await forget(session, [text_id] if text_id else [])
    await repository.forget_original(session, found)
    await grants.revoke_all(session, "document", found.id)
    services.indexes.forget_after_commit(session)
    await _record(session, caller, "DATA_INGEST", "document.deleted", found, {"chunks": chunks})


async def search(services: Services, caller: Caller, query: schemas.SearchQuery) -> SearchResult:
    """Found passages, recorded before they are given. Raises UnavailableError."""
    call = CallContext(tenant=str(caller.tenant_id), request_id=caller.request_id)
    authority = GrantAuthority(services.database, counts_all=manages_collections(caller))
    find = await searcher(services.indexes, caller.tenant_id, authority, services.models, call)
    within = frozenset(query.collection_ids) if query.collection_ids is not None else None
    request = SearchRequest(query.query, query.limit, within)
    try:
        result = await find.search(caller.scope, request)
    except ModelError as error:
        raise UnavailableError("The embedding model does not answer. Try again shortly.") from error
    async with services.database.tenant(caller.tenant_id) as session:
        stored = await services.contents.put(session, query.query)
        fingerprint = await services.contents.fingerprint(session)
        await record(
            session,
            AuditEvent(
                event_type="DATA_ACCESS",
                action="search",
                actor=caller.actor,
                resource=Resource("index", str(caller.tenant_id)),
                request_id=caller.request_id,
                details=_evidence(result, within, fingerprint),
                content=(ContentRef("query", stored),),
            ),
        )
    return result


def _evidence(
    result: SearchResult, within: frozenset[UUID] | None, fingerprint: Callable[[str], str]
) -> dict[str, Any]:
    return {
        "allowed": result.allowed,
        "denied": result.denied,
        "index_seq": result.index_seq,
        "collection_ids": sorted(str(one) for one in within) if within is not None else None,
        "returned": [
            {
                "chunk_id": str(passage.chunk.id),
                "document_id": str(passage.chunk.document_id),
                "start": passage.chunk.span.start,
                "end": passage.chunk.span.end,
                "fingerprint": fingerprint(passage.chunk.text),
                "rule": str(passage.rule),
            }
            for passage in result.passages
        ],
    }


async def _ready(session: TenantSession, caller: Caller, document_id: UUID) -> Document:
    found = await document(session, caller, document_id)
    if found.status != "ready":
        raise NotReadyError(f"The document is {found.status}; its text is there once it is ready.")
    return found


async def _record(
    session: TenantSession,
    caller: Caller,
    event_type: EventType,
    action: str,
    on: Document,
    details: dict[str, Any],
) -> None:
    await record(
        session,
        AuditEvent(
            event_type=event_type,
            action=action,
            actor=caller.actor,
            resource=Resource("document", str(on.id), on.name),
            request_id=caller.request_id,
            details=details,
        ),
    )
