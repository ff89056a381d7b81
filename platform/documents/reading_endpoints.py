"""What a document says, over HTTP: text, chunks, quotes with their places, pages as images, the original."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote as url_quoted
from uuid import UUID

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse

from secretariat.platform.documents import reading
from secretariat.platform.documents.layout import page_of as page_at
from secretariat.platform.documents.originals import original
from secretariat.platform.documents.reading_schemas import Chunk, DocumentText, PageSpan, Quote
from secretariat.platform.identity.callers import DocumentsRead, TenantSessionDep
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

_PIECE = 1024 * 1024
router = api_router("documents", "/api/v1/documents")


@router.get("/{document_id}/chunks", operation_id="list_chunks", responses=problem_responses(404, 409))
async def list_chunks(
    caller: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    document_id: UUID,
    page: PageQueryDep,
    start: Annotated[int | None, Query(ge=0, description="Leaves out chunks that end before it.")] = None,
    end: Annotated[int | None, Query(ge=0, description="Leaves out chunks that begin behind it.")] = None,
) -> Page[Chunk]:
    """In the order of the text."""
    rows, layout = await reading.chunks(
        session, services, caller, document_id, limit=page.fetch, after=page.after, start=start, end=end
    )
    shown = [Chunk.of(row, layout=layout, **words) for row, words in rows]
    return page_of(shown, page.limit, lambda chunk: chunk)


@router.get("/{document_id}/text", operation_id="document_text", responses=problem_responses(404, 409))
async def document_text(
    caller: DocumentsRead, services: ServicesDep, session: TenantSessionDep, document_id: UUID
) -> DocumentText:
    """The plain text that spans of chunks and citations refer to."""
    row, text, layout = await reading.text(session, services, caller, document_id)
    pages = [PageSpan.of(page, layout) for page in row.pages]
    return DocumentText(title=row.title or row.name, text=text, pages=pages)


@router.get("/{document_id}/passages", operation_id="quote_document", responses=problem_responses(404, 409))
async def quote_document(
    caller: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    document_id: UUID,
    start: Annotated[int, Query(ge=0, description="The first character.")] = 0,
    end: Annotated[int | None, Query(ge=0, description="Behind the last character.")] = None,
    sha256: Annotated[
        str | None, Query(pattern=r"^[0-9a-f]{64}$", description="The hash that a citation has.")
    ] = None,
) -> Quote:
    """What stands at a span, on which pages and where on them; at most 20,000 characters of it."""
    found = await reading.quote(session, services, caller, document_id, start, end, sha256)
    return Quote(
        document_id=found.document.id,
        title=found.document.title or found.document.name,
        start=found.span.start,
        end=found.span.end,
        text=found.text,
        sha256=found.sha256,
        verified=found.verified,
        page=page_at(found.document.pages, found.span.start),
        pages=Quote.pages_of(found.layout, found.layout.boxes(found.span)),
    )


@router.get(
    "/{document_id}/pages/{number}/image",
    operation_id="page_image",
    response_class=Response,
    responses={
        200: {"description": "The page", "content": {"image/png": {}}},
        **problem_responses(404, 409),
    },
)
async def page_image(
    caller: DocumentsRead,
    services: ServicesDep,
    document_id: UUID,
    number: Annotated[int, Path(ge=1, le=100_000, description="The first page is 1.")],
    scale: Annotated[float, Query(ge=0.25, le=4, description="Pixels a point; 1 is 72 dpi.")] = 2,
) -> Response:
    """A page of a PDF, drawn when it is asked for and kept nowhere."""
    image = await reading.page_image(services, caller, document_id, number, scale)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(image, media_type="image/png", headers=headers)


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
        row = await reading.content(session, caller, document_id)
    file = await original(services, row)

    async def pieces() -> AsyncIterator[bytes]:
        with file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece

    return StreamingResponse(
        pieces(),
        media_type=row.media_type,
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{url_quoted(row.name, safe='')}",
            "content-length": str(row.size),
            "x-content-type-options": "nosniff",
        },
    )
