"""Turns over HTTP: said, answered as a stream, stopped, answered anew, judged."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from secretariat.platform.conversations import journal, policies, schemas, service, turns, views
from secretariat.platform.conversations.stream import TurnJournal
from secretariat.platform.conversations.withhold import shown as shown_event
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity.callers import (
    ConversationsRead,
    ConversationsWrite,
    TenantSessionDep,
    require,
)
from secretariat.platform.services import Services
from secretariat.platform.tables.conversations import TurnRow
from secretariat.platform.tasks.endpoints import caller_now, event_number, open_streams
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.stream import CountedStream, watch
from secretariat.platform.tasks.views import hidden_among
from secretariat.platform.web.dependencies import ServicesDep
from secretariat.platform.web.errors import NotFoundError, UnauthenticatedError, problem_responses
from secretariat.platform.web.pages import Page, PageQueryDep, page_of
from secretariat.platform.web.routing import api_router

router = api_router("conversations", "/api/v1/conversations/{conversation_id}/turns")
_MOST_EVENTS = 1000
_MOST_NUMBER = 2**62  # fits a bigint
_READS_DOCUMENTS = Depends(require("documents.read"))  # a key may hold less than its person


@router.post(
    "",
    operation_id="create_turn",
    status_code=202,
    responses=problem_responses(404, 409),
    dependencies=[_READS_DOCUMENTS],
)
async def create_turn(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    body: schemas.TurnCreate,
) -> schemas.Turn:
    """Answered in the background, with the rights that the caller has meanwhile; follow it by its events."""
    row = await turns.say(session, services.contents, caller, conversation_id, body)
    return await _shown(session, services, row, policies.sight(caller), caller.user_id)


@router.get("", operation_id="list_turns", responses=problem_responses(404))
async def list_turns(
    caller: ConversationsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    page: PageQueryDep,
    through: Annotated[
        UUID | None, Query(description="The turn that tells the branch; left out, the newest turn.")
    ] = None,
) -> Page[schemas.Turn]:
    """Of one branch, the newest first, back to the beginning; `beside` each turn are those that lead elsewhere.

    A look at a conversation that somebody else shares is on record.
    """
    seen = await service.conversation(session, caller, conversation_id)
    rows = await turns.path(session, conversation_id, through=through, after=page.after, limit=page.fetch)
    shown = await views.shown(session, services.contents, rows[: page.limit], seen.sight, caller.user_id)
    ids = [turn.id for turn in shown]
    await service.read_along(session, caller, seen, ids, views.quoted(shown))
    by_id = {turn.id: turn for turn in shown}
    return page_of(rows, page.limit, lambda row: by_id[row.id])


@router.get("/{turn_id}", operation_id="get_turn", responses=problem_responses(404))
async def get_turn(
    caller: ConversationsRead,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    turn_id: UUID,
) -> schemas.Turn:
    seen = await service.conversation(session, caller, conversation_id)
    row = await turns.turn(session, conversation_id, turn_id)
    shown = await _shown(session, services, row, seen.sight, caller.user_id)
    await service.read_along(session, caller, seen, [turn_id], views.quoted([shown]))
    return shown


@router.post("/{turn_id}/stop", operation_id="stop_turn", responses=problem_responses(404, 409))
async def stop_turn(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    turn_id: UUID,
) -> schemas.Turn:
    """What was answered so far stays in the journal."""
    row = await turns.stop(session, services.contents, caller, conversation_id, turn_id)
    return await _shown(session, services, row, policies.sight(caller), caller.user_id)


@router.post(
    "/{turn_id}/regenerate",
    operation_id="regenerate_turn",
    status_code=202,
    responses=problem_responses(404, 409),
    dependencies=[_READS_DOCUMENTS],
)
async def regenerate_turn(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    turn_id: UUID,
) -> schemas.Turn:
    """Another answer to the same text, as a turn beside it: it looks further and past what was quoted before."""
    row = await turns.regenerate(session, services.contents, caller, conversation_id, turn_id)
    return await _shown(session, services, row, policies.sight(caller), caller.user_id)


@router.post("/{turn_id}/feedback", operation_id="judge_turn", responses=problem_responses(404, 409))
async def judge_turn(
    caller: ConversationsWrite,
    services: ServicesDep,
    session: TenantSessionDep,
    conversation_id: UUID,
    turn_id: UUID,
    body: schemas.FeedbackCreate,
) -> schemas.Feedback:
    """A thumb, and what the answer should have been; a later judgement replaces an earlier one."""
    row = await turns.judge(session, services.contents, caller, conversation_id, turn_id, body)
    return (await views.judgements(session, services.contents, [row]))[0]


@router.get(
    "/{turn_id}/events",
    operation_id="turn_events",
    response_model=schemas.TurnEvents,
    responses={**schemas.SSE_RESPONSES, **problem_responses(404, 429)},
)
async def turn_events(
    caller: ConversationsRead,
    request: Request,
    services: ServicesDep,
    conversation_id: UUID,
    turn_id: UUID,
    after: Annotated[int, Query(ge=0, le=_MOST_NUMBER, description="Give what follows this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS, description="Of the JSON list.")] = _MOST_EVENTS,
    last_event_id: Annotated[str | None, Header(description="What an EventSource sends to resume.")] = None,
) -> Response:
    """The turn's journal. As server-sent events it goes on until the turn ends; `id` is where to resume."""
    seen_before = max(after, event_number(last_event_id))
    async with services.database.tenant(caller.tenant_id) as session:
        seen = await service.conversation(session, caller, conversation_id)
        row = await turns.turn(session, conversation_id, turn_id)
        open_ones = set(row.document_ids) - await hidden_among(session, seen.sight, row.document_ids)
        await service.read_along(session, caller, seen, [turn_id], open_ones)
        if "application/json" in request.headers.get("accept", ""):
            return await _listed(session, services, turn_id, seen.sight, seen_before, limit)

    async def look_again() -> Sight | None:
        """Credentials, permissions and the conversation's visibility as of now."""
        try:
            now = await caller_now(request, services, caller)
            async with services.database.tenant(now.tenant_id) as looking:
                found = await service.conversation(looking, now, conversation_id)
        except (UnauthenticatedError, NotFoundError):
            return None
        return found.sight if "conversations.read" in now.permissions else None

    watched = TurnJournal(services, caller.tenant_id, turn_id)
    events = watch(watched, seen_before, seen.sight, look_again)
    return CountedStream(open_streams(request), caller.user_id, events)


async def _listed(
    session: TenantSession, services: Services, turn_id: UUID, sight: Sight, after: int, limit: int
) -> JSONResponse:
    entries = await journal.read(session, services.contents, turn_id, after, limit + 1)
    documents = {one for entry in entries for one in entry.documents}
    hidden = await hidden_among(session, sight, documents)
    data = [shown_event(entry, sight, hidden) for entry in entries[:limit]]
    told = schemas.TurnEvents(
        data=data,
        first_id=data[0].seq if data else None,
        last_id=data[-1].seq if data else None,
        has_more=len(entries) > limit,
    )
    return JSONResponse(told.model_dump(mode="json"))


async def _shown(
    session: TenantSession, services: Services, row: TurnRow, sight: Sight, reader: UUID
) -> schemas.Turn:
    return (await views.shown(session, services.contents, [row], sight, reader))[0]
