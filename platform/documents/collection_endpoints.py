"""Collections over HTTP, and the grants that open and close them."""

from uuid import UUID

from fastapi import Response

from secretariat.platform.documents import collections, schemas
from secretariat.platform.identity.callers import CollectionsManage, DocumentsRead, TenantSessionDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("collections", "/api/v1/collections")


@router.get("", operation_id="list_collections")
async def list_collections(
    caller: DocumentsRead, session: TenantSessionDep, page: PageQueryDep
) -> Page[schemas.Collection]:
    rows = await collections.listed(session, caller, limit=page.fetch, after=page.after)
    counts = {row.id: count for row, count in await collections.counted(session, caller, rows)}
    return page_of(rows, page.limit, lambda row: schemas.Collection.of(row, counts[row.id]))


@router.post("", operation_id="create_collection", status_code=201, responses=problem_responses(409))
async def create_collection(
    caller: CollectionsManage, session: TenantSessionDep, body: schemas.CollectionCreate
) -> schemas.Collection:
    """Open to everyone in the tenant, or to its maker alone, until grants say otherwise."""
    made = await collections.create(session, caller, body.name, body.description, private=body.private)
    return schemas.Collection.of(made, 0)


@router.get("/{collection_id}", operation_id="get_collection", responses=problem_responses(404))
async def get_collection(
    caller: DocumentsRead, session: TenantSessionDep, collection_id: UUID
) -> schemas.Collection:
    row = await collections.collection(session, caller, collection_id)
    ((_, count),) = await collections.counted(session, caller, [row])
    return schemas.Collection.of(row, count)


@router.patch("/{collection_id}", operation_id="update_collection", responses=problem_responses(404, 409))
async def update_collection(
    caller: CollectionsManage,
    session: TenantSessionDep,
    collection_id: UUID,
    body: schemas.CollectionUpdate,
) -> schemas.Collection:
    row = await collections.update(session, caller, collection_id, body.name, body.description)
    ((_, count),) = await collections.counted(session, caller, [row])
    return schemas.Collection.of(row, count)


@router.delete(
    "/{collection_id}",
    operation_id="delete_collection",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_collection(
    caller: CollectionsManage, session: TenantSessionDep, collection_id: UUID
) -> Response:
    """Only an empty one."""
    await collections.delete(session, caller, collection_id)
    return Response(status_code=204)


@router.get(
    "/{collection_id}/grants", operation_id="list_collection_grants", responses=problem_responses(404)
)
async def list_collection_grants(
    caller: CollectionsManage, session: TenantSessionDep, collection_id: UUID
) -> Page[schemas.Grant]:
    on = await collections.collection(session, caller, collection_id)
    rows = await collections.grants_on(session, on)
    return page_of(rows, len(rows), schemas.Grant.of)


@router.post(
    "/{collection_id}/grants",
    operation_id="add_collection_grant",
    status_code=201,
    responses=problem_responses(404, 409),
)
async def add_collection_grant(
    caller: CollectionsManage, session: TenantSessionDep, collection_id: UUID, body: schemas.GrantCreate
) -> schemas.Grant:
    on = await collections.collection(session, caller, collection_id)
    return schemas.Grant.of(await collections.add_grant(session, caller, on, body.principal, body.effect))


@router.delete(
    "/{collection_id}/grants/{grant_id}",
    operation_id="remove_collection_grant",
    status_code=204,
    responses=problem_responses(404),
)
async def remove_collection_grant(
    caller: CollectionsManage, session: TenantSessionDep, collection_id: UUID, grant_id: UUID
) -> Response:
    on = await collections.collection(session, caller, collection_id)
    await collections.remove_grant(session, caller, on, grant_id)
    return Response(status_code=204)
