"""`/v1/responses`. Nothing is stored: there is no other route to a response than the answer to its request."""

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.errors import ModelError
from secretariat.models.serving.addressing import addressed, expert_of, telling
from secretariat.models.serving.endpoints.streaming import Answer, answer
from secretariat.models.serving.failures import Json
from secretariat.models.serving.replies.responses import ResponseReply
from secretariat.models.serving.requests import call_of, parsed, shelf_of
from secretariat.models.serving.transport import EventStream
from secretariat.models.serving.wire.responses import ResponseRequest


async def create_response(request: Request) -> Response:
    asked = await parsed(ResponseRequest, request)
    call, wanted = call_of(request), asked.core()
    expert = await expert_of(shelf_of(request), asked.model, wanted, call)
    sent = addressed(wanted, expert)
    given = await answer(request, asked.model, lambda model: telling(model.emissions(sent, call), expert))
    reply = ResponseReply(asked, given.model)
    if not asked.stream:
        return JSONResponse(reply.whole(await given.whole(request)))
    return EventStream(_events(given, reply), given.rest, named=True)


async def _events(given: Answer, reply: ResponseReply) -> AsyncGenerator[Json | str, None]:
    for event in reply.opening():
        yield event
    try:
        async for emission in given.steps():
            for event in reply.parts(emission):
                yield event
            if emission.finish_reason is not None:
                for event in reply.closing(emission):
                    yield event
    except ModelError as error:
        yield reply.failed(error)
