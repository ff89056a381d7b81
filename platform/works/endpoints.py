"""Works over HTTP: a cited summary of a document, a translation, labels."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from secretariat.platform.identity.callers import DocumentsRead, ModelsUse, TenantSessionDep, require
from secretariat.platform.tasks.endpoints import open_streams
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.routing import api_router
from secretariat.platform.works import schemas, service

router = api_router("works", "/api/v1")
_LONGEST_WAIT = 30


@router.post(
    "/documents/{document_id}/summary",
    operation_id="summarise_document",
    status_code=202,
    responses=problem_responses(404, 409),
    dependencies=[Depends(require("models.use"))],  # as reading the work does
)
async def summarise_document(
    caller: DocumentsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    document_id: UUID,
    body: schemas.SummaryRequest,
) -> schemas.Work:
    """In sentences of the document, each with its place; ask for the work until it is completed."""
    arguments = {"document_id": str(document_id), **body.model_dump()}
    row = await service.ask(session, services.contents, caller, "summarise", arguments, document_id)
    return await service.shown(session, services.contents, caller, row)


@router.post("/translate", operation_id="translate", status_code=202, responses=problem_responses(409))
async def translate(
    caller: ModelsUse, services: ServicesDep, session: TenantSessionDep, body: schemas.TranslationRequest
) -> schemas.Work:
    """Sentence by sentence, by the chat model; sentences that lose a number are flagged."""
    row = await service.ask(session, services.contents, caller, "translate", body.model_dump())
    return await service.shown(session, services.contents, caller, row)


@router.post("/classify", operation_id="classify", status_code=202, responses=problem_responses(409))
async def classify(
    caller: ModelsUse, services: ServicesDep, session: TenantSessionDep, body: schemas.ClassificationRequest
) -> schemas.Work:
    """All labels for each text, the most probable first."""
    row = await service.ask(session, services.contents, caller, "classify", body.model_dump())
    return await service.shown(session, services.contents, caller, row)


@router.get("/works/{work_id}", operation_id="get_work", responses=problem_responses(404, 429))
async def get_work(
    caller: ModelsUse,
    request: Request,
    services: ServicesDep,
    work_id: UUID,
    wait: Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds to wait for its end.")] = 0,
) -> schemas.Work:
    """One's own. With `wait` the answer comes when the work has ended, or after so many seconds."""
    async with services.database.tenant(caller.tenant_id) as session:
        await service.work(session, caller, work_id)
    if wait:
        with open_streams(request).counted(caller.user_id):
            await service.awaited(services, caller, work_id, wait)
    async with services.database.tenant(caller.tenant_id) as session:
        row = await service.work(session, caller, work_id)
        return await service.shown(session, services.contents, caller, row)
