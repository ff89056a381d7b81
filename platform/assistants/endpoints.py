"""Assistants over HTTP."""

from uuid import UUID

from fastapi import Response

from secretariat.platform.assistants import repository, schemas, service
from secretariat.platform.identity.callers import AssistantsManage, AssistantsRead, TenantSessionDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("assistants", "/api/v1/assistants")


@router.get("", operation_id="list_assistants")
async def list_assistants(
    _caller: AssistantsRead, session: TenantSessionDep, page: PageQueryDep
) -> Page[schemas.Assistant]:
    rows = await repository.assistants(session, limit=page.fetch, after=page.after)
    return page_of(rows, page.limit, schemas.Assistant.of)


@router.post("", operation_id="create_assistant", status_code=201, responses=problem_responses(404, 409))
async def create_assistant(
    caller: AssistantsManage, session: TenantSessionDep, body: schemas.AssistantCreate
) -> schemas.Assistant:
    return schemas.Assistant.of(await service.create(session, caller, body))


@router.get("/{assistant_id}", operation_id="get_assistant", responses=problem_responses(404))
async def get_assistant(
    _caller: AssistantsRead, session: TenantSessionDep, assistant_id: UUID
) -> schemas.Assistant:
    return schemas.Assistant.of(await service.assistant(session, assistant_id))


@router.patch("/{assistant_id}", operation_id="update_assistant", responses=problem_responses(404, 409))
async def update_assistant(
    caller: AssistantsManage, session: TenantSessionDep, assistant_id: UUID, body: schemas.AssistantUpdate
) -> schemas.Assistant:
    return schemas.Assistant.of(await service.update(session, caller, assistant_id, body))


@router.delete(
    "/{assistant_id}",
    operation_id="delete_assistant",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_assistant(
    caller: AssistantsManage, session: TenantSessionDep, assistant_id: UUID
) -> Response:
    await service.delete(session, caller, assistant_id)
    return Response(status_code=204)
