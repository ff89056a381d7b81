"""Documents over HTTP: uploaded, listed, counted, changed, deleted."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from secretariat.platform.documents import reading, report, schemas, service, versions
from secretariat.platform.documents.reading_schemas import Report
from secretariat.platform.documents.repository import Listing, Sort
from secretariat.platform.documents.upload import FileDep, ReceivedDep, UploadRoute
from secretariat.platform.identity.callers import DocumentsRead, DocumentsWrite, TenantSessionDep
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

ANY_SIZE = 1 << 40  # UploadRoute knows the real limit, which is a setting

router = api_router("documents", "/api/v1/documents")
uploads = api_router("documents")
uploads.route_class = UploadRoute

_FILE = {"type": "string", "format": "binary"}
_ID = {"type": "string", "format": "uuid"}


def _form(title: str, **properties: dict[str, str]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "title": title,
        "required": list(properties),
        "properties": properties,
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@uploads.post(
    "/api/v1/documents",
    operation_id="upload_document",
    status_code=202,
    max_body_size=ANY_SIZE,
    openapi_extra=_form("DocumentUpload", file=_FILE, collection_id=_ID),
    responses=problem_responses(400, 404, 409, 413, 415),
)
async def upload_document(
    caller: DocumentsWrite, services: ServicesDep, incoming: ReceivedDep, session: TenantSessionDep
) -> schemas.Document:
    """Takes one file; it is read in the background. What can be refused at once is refused here."""
    row = await service.upload(session, services, caller, incoming.collection_id, incoming.file)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@uploads.put(
    "/api/v1/documents/{document_id}/content",
    operation_id="replace_document",
    status_code=202,
    max_body_size=ANY_SIZE,
    openapi_extra=_form("DocumentFile", file=_FILE),
    responses=problem_responses(400, 404, 409, 413, 415),
)
async def replace_document(
    caller: DocumentsWrite,
    services: ServicesDep,
    incoming: FileDep,
    session: TenantSessionDep,
    document_id: UUID,
) -> schemas.Document:
    """A new version of the file. Id and grants stay, and so do the chunks that say the same as before."""
    row = await versions.replace(session, services, caller, document_id, incoming)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@router.get("", operation_id="list_documents")
async def list_documents(
    caller: DocumentsRead,
    session: TenantSessionDep,
    page: PageQueryDep,
    collection_id: UUID | None = None,
    status: Annotated[schemas.DocumentStatus | None, Query()] = None,
    media_type: Annotated[list[str] | None, Query(max_length=50)] = None,
    language: Annotated[list[str] | None, Query(max_length=50)] = None,
    source: Annotated[list[str] | None, Query(max_length=50)] = None,
    since: Annotated[date | None, Query(description="Dated on this day or later.")] = None,
    until: Annotated[date | None, Query(description="Dated on this day or earlier.")] = None,
    q: Annotated[str | None, Query(min_length=1, max_length=200, description="In name or title.")] = None,
    sort: Annotated[Sort, Query()] = "newest",
) -> Page[schemas.Document]:
    """Those that grants open to the caller, newest first unless asked otherwise."""
    wanted = Listing(
        collection_id=collection_id,
        status=status,
        media_types=tuple(media_type or ()),
        languages=tuple(language or ()),
        sources=tuple(source or ()),
        since=since,
        until=until,
        words=q,
        sort=sort,
    )
    rows = await service.listed(session, caller, wanted, limit=page.fetch, after=page.after)
    jobs = await service.jobs_of(session, rows)
    return page_of(rows, page.limit, lambda row: schemas.Document.of(row, jobs.get(row.id)))


@router.get("/facets", operation_id="document_facets")
async def document_facets(
    caller: DocumentsRead, session: TenantSessionDep, collection_id: UUID | None = None
) -> schemas.Facets:
    """What there is to filter by, counted over documents that grants open to the caller and no others."""
    return schemas.Facets.of(await service.counted(session, caller, collection_id))


@router.get("/{document_id}", operation_id="get_document", responses=problem_responses(404))
async def get_document(
    caller: DocumentsRead, session: TenantSessionDep, document_id: UUID
) -> schemas.Document:
    row = await reading.document(session, caller, document_id)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@router.patch("/{document_id}", operation_id="update_document", responses=problem_responses(404, 409))
async def update_document(
    caller: DocumentsWrite, session: TenantSessionDep, document_id: UUID, body: schemas.DocumentUpdate
) -> schemas.Document:
    row = await versions.update(session, caller, document_id, body)
    return schemas.Document.of(row, None)


@router.post(
    "/{document_id}/reprocess",
    operation_id="reprocess_document",
    status_code=202,
    responses=problem_responses(404, 409),
)
async def reprocess_document(
    caller: DocumentsWrite, session: TenantSessionDep, document_id: UUID
) -> schemas.Document:
    """Reads the same file anew, as after a better parser came."""
    row = await versions.reprocess(session, caller, document_id)
    jobs = await service.jobs_of(session, [row])
    return schemas.Document.of(row, jobs.get(row.id))


@router.get("/{document_id}/report", operation_id="document_report", responses=problem_responses(404))
async def document_report(
    caller: DocumentsRead, services: ServicesDep, session: TenantSessionDep, document_id: UUID
) -> Report:
    """What became of the file: pages, language, chunks, what was left out, what is nearly the same."""
    return await report.report(session, services, caller, document_id)


@router.delete(
    "/{document_id}", operation_id="delete_document", status_code=204, responses=problem_responses(404)
)
async def delete_document(
    caller: DocumentsWrite, services: ServicesDep, session: TenantSessionDep, document_id: UUID
) -> Response:
    """Its words, vectors and original are removed for good; the audit log keeps that it was there."""
    await service.delete(session, services, caller, document_id)
    return Response(status_code=204)
