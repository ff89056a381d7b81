"""Conversations over HTTP: begun, listed, read, renamed, shared, exported, deleted."""

from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Response

from secretariat.platform.conversations import deletion, policies, repository, schemas, service, views
from secretariat.platform.conversations.export import exported, markdown
from secretariat.platform.identity.callers import ConversationsRead, ConversationsWrite, TenantSessionDep
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("conversations", "/api/v1/conversations")


@router.post("", operation_id="create_conversation", status_code=201, responses=problem_responses(404, 409))
async def create_conversation(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    body: schemas.ConversationCreate,
) -> schemas.Conversation:
    """An empty one; without a title it gets one from what is said first."""
    row = await service.create(session, services.contents, caller, body)
    return (await views.conversations(session, services.contents, [policies.seen(caller, row)]))[0]


@router.get("", operation_id="list_conversations")
async def list_conversations(
    caller: ConversationsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    page: PageQueryDep,
    title: Annotated[str | None, Query(max_length=200, description="Words of the title.")] = None,
    shared: Annotated[bool, Query(description="Those that others share, instead of one's own.")] = False,
) -> Page[schemas.Conversation]:
    """The one that was used last comes first."""
    rows = await service.listed(
        session,
        services.contents,
        caller,
        shared=shared,
        title=title,
        after=page.after,
        limit=page.fetch,
    )
    seen = [policies.seen(caller, row) for row in rows]
    data = await views.conversations(session, services.contents, seen)
    return page_of(data, page.limit, lambda each: each)


@router.get("/{conversation_id}", operation_id="get_conversation", responses=problem_responses(404))
async def get_conversation(
    caller: ConversationsRead, services: ServicesDep, session: TenantSessionDep, conversation_id: UUID
) -> schemas.Conversation:
    """Its turns are a list of their own."""
    seen = await service.conversation(session, caller, conversation_id)
    return (await views.conversations(session, services.contents, [seen]))[0]


@router.patch("/{conversation_id}", operation_id="update_conversation", responses=problem_responses(404))
async def update_conversation(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    body: schemas.ConversationUpdate,
) -> schemas.Conversation:
    row = await service.rename(session, services.contents, caller, conversation_id, body.title)
    return (await views.conversations(session, services.contents, [policies.seen(caller, row)]))[0]


@router.delete(
    "/{conversation_id}", operation_id="delete_conversation", responses=problem_responses(404, 409)
)
async def delete_conversation(
    caller: ConversationsWrite, services: ServicesDep, session: TenantSessionDep, conversation_id: UUID
) -> schemas.DeletionReceipt:
    """Its words are removed for good; the audit log keeps that they were there, and commitments to them."""
    return await deletion.delete(session, services.contents, caller, conversation_id)


@router.get("/{conversation_id}/deletion", operation_id="get_deletion", responses=problem_responses(404, 409))
async def get_deletion(
    caller: ConversationsRead, session: TenantSessionDep, conversation_id: UUID
) -> schemas.DeletionReceipt:
    """The receipt of a deletion, compared anew with what is stored."""
    return await deletion.receipt(session, caller, conversation_id)


@router.get(
    "/{conversation_id}/export",
    operation_id="export_conversation",
    response_model=schemas.ConversationExport,
    responses={**schemas.EXPORT_RESPONSES, **problem_responses(404)},
)
async def export_conversation(
    caller: ConversationsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    as_: Annotated[Literal["json", "markdown"], Query(alias="format")] = "json",
) -> Response:
    """What the caller sees of it, as a file. The export is on record."""
    seen = await service.conversation(session, caller, conversation_id)
    rows = await repository.turns(session, conversation_id)
    shown = await views.shown(session, services.contents, rows, seen.sight, caller.user_id)
    details = {"format": as_, "turns": len(shown)}
    await service.put_on_record(session, caller, "conversation.exported", conversation_id, details, "EXPORT")
    made = exported((await views.conversations(session, services.contents, [seen]))[0], shown)
    body = markdown(made) if as_ == "markdown" else made.model_dump_json(indent=1)
    name = quote(f"{made.title or 'conversation'}.{'md' if as_ == 'markdown' else 'json'}", safe="")
    return Response(
        body,
        media_type="text/markdown; charset=utf-8" if as_ == "markdown" else "application/json",
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"},
    )


@router.get("/{conversation_id}/shares", operation_id="list_shares", responses=problem_responses(404))
async def list_shares(
    caller: ConversationsRead, session: TenantSessionDep, conversation_id: UUID
) -> Page[schemas.Share]:
    rows = await service.shares(session, caller, conversation_id)
    return page_of(rows, len(rows), schemas.Share.of)


@router.post(
    "/{conversation_id}/shares",
    operation_id="add_share",
    status_code=201,
    responses=problem_responses(404, 409),
)
async def add_share(
    caller: ConversationsWrite,
    session: TenantSessionDep,
    conversation_id: UUID,
    body: schemas.ShareCreate,
) -> schemas.Share:
    """To read it, not to go on with it; its sources stay as closed as they are to whom it is shared with."""
    return schemas.Share.of(await service.share(session, caller, conversation_id, body))


@router.delete(
    "/{conversation_id}/shares/{share_id}",
    operation_id="remove_share",
    status_code=204,
    responses=problem_responses(404),
)
async def remove_share(
    caller: ConversationsWrite, session: TenantSessionDep, conversation_id: UUID, share_id: UUID
) -> Response:
    await service.unshare(session, caller, conversation_id, share_id)
    return Response(status_code=204)
