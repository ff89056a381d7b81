"""`/v1/completions`."""

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secretariat.models.core import Usage
from secretariat.models.errors import ModelError
from secretariat.models.serving.endpoints.streaming import Answer, answer
from secretariat.models.serving.failures import Json, error_of
from secretariat.models.serving.replies.completions import CompletionReply
from secretariat.models.serving.requests import call_of, parsed
from secretariat.models.serving.transport import EventStream
from secretariat.models.serving.wire.completions import Completion


async def create_completion(request: Request) -> Response:
    asked = await parsed(Completion, request)
    call, sampling = call_of(request), asked.sampling
    given = await answer(
        request,
        asked.model,
        lambda model: model.continuation(asked.one_prompt, sampling, call, asked.adapter),
    )
    reply = CompletionReply(given.model, logprobs=asked.logprobs is not None)
    if not asked.stream:
        return JSONResponse(reply.whole(await given.whole(request)))
    usage = asked.stream_options.include_usage
    return EventStream(_events(given, reply, include_usage=usage), given.rest)


async def _events(
    given: Answer, reply: CompletionReply, *, include_usage: bool
) -> AsyncGenerator[Json | str, None]:
    usage: Usage | None = None
    try:
        async for emission in given.steps():
            for part in reply.parts(emission):
                yield part
            usage = emission.usage
    except ModelError as error:
        yield error_of(error)
        return
    if include_usage and usage is not None:
        yield reply.usage(usage)
    yield "[DONE]"
