"""Who may read a document, over HTTP: its grants, and whom they reach."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from secretariat.platform.access import explanation
from secretariat.platform.documents import collections, schemas
from secretariat.platform.documents.access_schemas import DocumentAccess, Reader
from secretariat.platform.documents.evidence import record_on
from secretariat.platform.identity.callers import CollectionsManage, TenantSessionDep
from secretariat.platform.web.errors import NotFoundError, problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("documents", "/api/v1/documents")


@router.get("/{document_id}/access", operation_id="document_access", responses=problem_responses(404))
async def document_access(
    caller: CollectionsManage,
    session: TenantSessionDep,
    document_id: UUID,
    page: PageQueryDep,
    user_id: Annotated[UUID | None, Query(description="May this person see it?")] = None,
    may_read: Annotated[bool | None, Query(description="Only who may, or only who may not.")] = None,
) -> DocumentAccess:
    """Who can see the document and why: everyone whom a grant on it or on its collection reaches.

    With `user_id`, that one person, reached or not.
    """
    on = await collections.document_to_manage(session, document_id)
    readers = await explanation.reader_count(session, on)
    if user_id is not None:
        found = await explanation.reader(session, on, user_id)
        if found is None:
            raise NotFoundError("person")
        shown = page_of([found], 1, Reader.of)
    else:
        rows = await explanation.readers(session, on, may_read=may_read, limit=page.fetch, after=page.after)
        shown = page_of(rows, page.limit, Reader.of)
    facts = {"people": [str(one.id) for one in shown.data]}
    await record_on(session, caller, "DATA_ACCESS", "document.access", on, facts)
    return DocumentAccess.of(shown, readers)


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
