"""`/v1/chat/completions`."""

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.core import Usage
from secretariat.models.errors import ModelError
from secretariat.models.serving.addressing import addressed, expert_of, telling
from secretariat.models.serving.endpoints.streaming import Answer, answer
from secretariat.models.serving.failures import Json, error_of
from secretariat.models.serving.replies.chat import ChatReply
from secretariat.models.serving.requests import call_of, parsed, shelf_of
from secretariat.models.serving.transport import EventStream
from secretariat.models.serving.wire.chat import ChatCompletion


async def create_chat_completion(request: Request) -> Response:
    asked = await parsed(ChatCompletion, request)
    call, wanted = call_of(request), asked.core()
    expert = await expert_of(shelf_of(request), asked.model, wanted, call)
    sent = addressed(wanted, expert)
    given = await answer(request, asked.model, lambda model: telling(model.emissions(sent, call), expert))
    reply = ChatReply(given.model, logprobs=asked.logprobs, grounded=bool(asked.documents))
    if not asked.stream:
        return JSONResponse(reply.whole(await given.whole(request)))
    usage = asked.stream_options.include_usage
    return EventStream(_events(given, reply, include_usage=usage), given.rest)


async def _events(
    given: Answer, reply: ChatReply, *, include_usage: bool
) -> AsyncGenerator[Json | str, None]:
    yield reply.opening()
    usage: Usage | None = None
    try:
        async for emission in given.steps():
            for part in reply.parts(emission):
                yield part
            if emission.finish_reason is not None:
                yield reply.closing(emission)
                usage = emission.usage
    except ModelError as error:
        yield error_of(error)
        return
    if include_usage and usage is not None:
        yield reply.usage(usage)
    yield "[DONE]"
