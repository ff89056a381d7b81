"""Tasks over HTTP: given, watched, cancelled."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer

from secretariat.platform.access.caller import Caller
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity.callers import (
    SESSION_COOKIE,
    TasksRead,
    TasksWrite,
    TenantSessionDep,
    current_caller,
    require,
)
from secretariat.platform.services import Services
from secretariat.platform.tasks import journal, schemas, service
from secretariat.platform.tasks.policies import Sight, glance, look
from secretariat.platform.tasks.stream import CountedStream, OpenStreams, TaskJournal, watch
from secretariat.platform.tasks.views import hidden_from, shown
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import NotFoundError, UnauthenticatedError, problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep
from secretariat.platform.web.routing import api_router

router = api_router("tasks", "/api/v1/tasks")
_bearer = HTTPBearer(auto_error=False)
_MOST_EVENTS = 1000
_MOST_NUMBER = 2**62  # fits a bigint


@router.post(
    "",
    operation_id="create_task",
    status_code=201,
    responses=problem_responses(404, 409),
    dependencies=[Depends(require("documents.read"))],  # a key may hold less than its person
)
async def create_task(
    caller: TasksWrite, services: ServicesDep, session: TenantSessionDep, body: schemas.TaskCreate
) -> schemas.Task:
    """Carried out in the background, with the rights that the caller has while it runs."""
    row = await service.create(session, services.contents, caller, body)
    return (await shown(session, services.contents, [(row, glance(caller, row.created_by))]))[0]


@router.get("", operation_id="list_tasks")
async def list_tasks(
    caller: TasksRead,
    services: ServicesDep,
    session: TenantSessionDep,
    page: PageQueryDep,
    status: Annotated[schemas.TaskStatus | None, Query()] = None,
) -> Page[schemas.Task]:
    """One's own; all of the tenant, others' without their words, for those who administer people or audit."""
    rows = await service.listed(session, caller, page.fetch, page.after, status)
    seen = [(row, glance(caller, row.created_by)) for row in rows[: page.limit]]
    data = await shown(session, services.contents, seen)
    return Page(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(rows) > page.limit,
    )


@router.get("/{task_id}", operation_id="get_task", responses=problem_responses(404))
async def get_task(
    caller: TasksRead, services: ServicesDep, session: TenantSessionDep, task_id: UUID
) -> schemas.Task:
    """The words of someone else's task take `audit.content.read`, and the look is on record."""
    seen = await service.look(session, caller, task_id, "task")
    return (await shown(session, services.contents, [seen]))[0]


@router.post("/{task_id}/cancel", operation_id="cancel_task", responses=problem_responses(404, 409))
async def cancel_task(
    caller: TasksWrite, services: ServicesDep, session: TenantSessionDep, task_id: UUID
) -> schemas.Task:
    """Asks it to stop. A task that waits ends at once; one that runs ends within a second or so."""
    row = await service.cancel(session, services.contents, caller, task_id)
    return (await shown(session, services.contents, [(row, glance(caller, row.created_by))]))[0]


@router.get(
    "/{task_id}/artifacts/{artifact_id}", operation_id="get_artifact", responses=problem_responses(404)
)
async def get_artifact(
    caller: TasksRead, services: ServicesDep, session: TenantSessionDep, task_id: UUID, artifact_id: UUID
) -> schemas.Artifact:
    return await service.artifact(session, services.contents, caller, task_id, artifact_id)


@router.get(
    "/{task_id}/events",
    operation_id="task_events",
    response_model=schemas.TaskEvents,
    responses={**schemas.SSE_RESPONSES, **problem_responses(404, 429)},
)
async def task_events(
    caller: TasksRead,
    request: Request,
    services: ServicesDep,
    task_id: UUID,
    after: Annotated[int, Query(ge=0, le=_MOST_NUMBER, description="Give what follows this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS, description="Of the JSON list.")] = _MOST_EVENTS,
    last_event_id: Annotated[str | None, Header(description="What an EventSource sends to resume.")] = None,
) -> Response:
    """The journal, without the words of documents that may not be read now.

    As server-sent events it goes on until the task ends; `id` is the number to resume at.
    """
    seen = max(after, event_number(last_event_id))
    async with services.database.tenant(caller.tenant_id) as session:
        _, sight = await service.look(session, caller, task_id, "events")
        if "application/json" in request.headers.get("accept", ""):
            return await _listed(session, services, task_id, sight, seen, limit)

    async def look_again() -> Sight | None:
        return await _sight_now(request, services, caller, task_id, sight)

    events = watch(TaskJournal(services, caller.tenant_id, task_id), seen, sight, look_again)
    return CountedStream(open_streams(request), caller.user_id, events)


def event_number(last_event_id: str | None) -> int:
    """What is no number counts as none; one that no journal reaches is beyond all events."""
    if last_event_id is None or not (last_event_id.isascii() and last_event_id.isdigit()):
        return 0
    return int(last_event_id) if len(last_event_id) <= len(str(_MOST_NUMBER)) - 1 else _MOST_NUMBER


def open_streams(request: Request) -> OpenStreams:
    """Those of this process: it stands beside the services, and is made when first asked for."""
    state = request.app.state
    if not hasattr(state, "open_streams"):
        state.open_streams = OpenStreams()
    streams: OpenStreams = state.open_streams
    return streams


async def _listed(
    session: TenantSession, services: Services, task_id: UUID, sight: Sight, after: int, limit: int
) -> JSONResponse:
    entries = await journal.read(session, services.contents, task_id, after, limit + 1)
    hidden = await hidden_from(session, sight, entries)
    data = [schemas.TaskEventView.of(entry, sight, hidden) for entry in entries[:limit]]
    page = schemas.TaskEvents(
        data=data,
        first_id=data[0].seq if data else None,
        last_id=data[-1].seq if data else None,
        has_more=len(entries) > limit,
    )
    return JSONResponse(page.model_dump(mode="json"))


async def _sight_now(
    request: Request, services: Services, caller: Caller, task_id: UUID, before: Sight
) -> Sight | None:
    """Asked while a stream is open: credentials, permissions and the task's visibility as of now.

    What wasn't to be seen when the stream was opened isn't seen later: that look is not on record.
    """
    try:
        now = await caller_now(request, services, caller)
        async with services.database.tenant(now.tenant_id) as session:
            row = await service.task(session, now, task_id)
    except (UnauthenticatedError, NotFoundError):
        return None
    if "tasks.read" not in now.permissions:
        return None
    return look(now, row.created_by) if before.words else before


async def caller_now(request: Request, services: Services, caller: Caller) -> Caller:
    """Who the credentials of a request belong to by now. Raises UnauthenticatedError."""
    return await current_caller(
        request,
        services,
        caller.request_id,
        request.cookies.get(SESSION_COOKIE),
        await _bearer(request),
    )
