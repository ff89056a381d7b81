"""Documents over HTTP: uploaded, listed, read, searched, deleted."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from secretariat.platform.documents import collections, schemas, service
from secretariat.platform.documents.upload import ReceivedDep, UploadRoute
from secretariat.platform.identity.callers import (
    CollectionsManage,
    DocumentsRead,
    DocumentsWrite,
    TenantSessionDep,
)
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

ANY_SIZE = 1 << 40  # UploadRoute knows the real limit, which is a setting

router = api_router("documents", "/api/v1/documents")
uploads = api_router("documents")
uploads.route_class = UploadRoute
searches = api_router("documents")

_UPLOAD_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "title": "DocumentUpload",
                    "required": ["file", "collection_id"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "collection_id": {"type": "string", "format": "uuid"},
                    },
                }
            }
        },
    }
}


@uploads.post(
    "/api/v1/documents",
    operation_id="upload_document",
    status_code=202,
    max_body_size=ANY_SIZE,
    openapi_extra=_UPLOAD_FORM,
    responses=problem_responses(400, 404, 409, 413, 415),
)
async def upload_document(
    caller: DocumentsWrite, services: ServicesDep, incoming: ReceivedDep, session: TenantSessionDep
) -> schemas.Document:
    """Takes one file; it is read in the background. What can be refused at once is refused here."""
    row = await service.upload(session, services, caller, incoming.collection_id, incoming.file)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@router.get("", operation_id="list_documents")
async def list_documents(
    caller: DocumentsRead,
    session: TenantSessionDep,
    page: PageQueryDep,
    collection_id: UUID | None = None,
    status: Annotated[schemas.DocumentStatus | None, Query()] = None,
) -> Page[schemas.Document]:
    """Those that grants open to the caller, newest first."""
    rows = await service.listed(session, caller, page.fetch, page.after, collection_id, status)
    jobs = await service.jobs_of(session, rows)
    return page_of(rows, page.limit, lambda row: schemas.Document.of(row, jobs.get(row.id)))


@router.get("/{document_id}", operation_id="get_document", responses=problem_responses(404))
async def get_document(
    caller: DocumentsRead, session: TenantSessionDep, document_id: UUID
) -> schemas.Document:
    row = await service.document(session, caller, document_id)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@router.delete(
    "/{document_id}", operation_id="delete_document", status_code=204, responses=problem_responses(404)
)
async def delete_document(
    caller: DocumentsWrite, services: ServicesDep, session: TenantSessionDep, document_id: UUID
) -> Response:
    """Its words, vectors and original are removed for good; the audit log keeps that it was there."""
    await service.delete(session, services, caller, document_id)
    return Response(status_code=204)


@router.get("/{document_id}/chunks", operation_id="list_chunks", responses=problem_responses(404, 409))
async def list_chunks(
    caller: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    document_id: UUID,
    page: PageQueryDep,
) -> Page[schemas.Chunk]:
    """In the order of the text."""
    rows = await service.chunks(session, services, caller, document_id, limit=page.fetch, after=page.after)
    return page_of([schemas.Chunk.of(row, **words) for row, words in rows], page.limit, lambda chunk: chunk)


@router.get("/{document_id}/text", operation_id="document_text", responses=problem_responses(404, 409))
async def document_text(
    caller: DocumentsRead, services: ServicesDep, session: TenantSessionDep, document_id: UUID
) -> schemas.DocumentText:
    """The plain text that spans of chunks and citations refer to."""
    row, text = await service.text(session, services, caller, document_id)
    pages = [schemas.PageSpan.model_validate(page) for page in row.pages]
    return schemas.DocumentText(title=row.title or row.name, text=text, pages=pages)


@router.get(
    "/{document_id}/content",
    operation_id="document_content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The original bytes", "content": {"application/octet-stream": {}}},
        **problem_responses(404),
    },
)
async def document_content(
    caller: DocumentsRead, services: ServicesDep, document_id: UUID
) -> StreamingResponse:
    """The original file, always as a download."""
    async with services.database.tenant(caller.tenant_id) as session:
        row = await service.content(session, caller, document_id)

    async def pieces() -> AsyncIterator[bytes]:
        async with services.database.tenant(caller.tenant_id) as reading:
            async for piece in services.blobs.read(reading, row.blob_id):
                yield piece

    return StreamingResponse(
        pieces(),
        media_type=row.media_type,
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
            "content-length": str(row.size),
            "x-content-type-options": "nosniff",
        },
    )


@router.get("/{document_id}/grants", operation_id="list_document_grants", responses=problem_responses(404))
async def list_document_grants(
    _caller: CollectionsManage, session: TenantSessionDep, document_id: UUID
) -> Page[schemas.Grant]:
    on = await collections.document_to_manage(session, document_id)
    rows = await collections.grants_on(session, on)
    return page_of(rows, len(rows), schemas.Grant.of)


@router.post(
    "/{document_id}/grants",
    operation_id="add_document_grant",
    status_code=201,
    responses=problem_responses(404, 409),
)
async def add_document_grant(
    caller: CollectionsManage, session: TenantSessionDep, document_id: UUID, body: schemas.GrantCreate
) -> schemas.Grant:
    on = await collections.document_to_manage(session, document_id)
    return schemas.Grant.of(await collections.add_grant(session, caller, on, body.principal, body.effect))


@router.delete(
    "/{document_id}/grants/{grant_id}",
    operation_id="remove_document_grant",
    status_code=204,
    responses=problem_responses(404),
)
async def remove_document_grant(
    caller: CollectionsManage, session: TenantSessionDep, document_id: UUID, grant_id: UUID
) -> Response:
    on = await collections.document_to_manage(session, document_id)
    await collections.remove_grant(session, caller, on, grant_id)
    return Response(status_code=204)


@searches.post("/api/v1/search", operation_id="search")
async def search(caller: DocumentsRead, services: ServicesDep, body: schemas.SearchQuery) -> schemas.Passages:
    """The passages that answer best, out of what grants open to the caller at this moment."""
    return schemas.Passages.of(await service.search(services, caller, body))
