"""The routes of the model server.

Trusts its caller's tenant, request id and deadline: only the platform holds the service token.
"""

import contextlib
import secrets
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, TypeVar

import pydantic
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from secretariat.models.core import CallContext
from secretariat.models.engine.events import Emission
from secretariat.models.errors import ModelError
from secretariat.models.serving.bridge import Bridge
from secretariat.models.serving.replies import (
    STATUS,
    ChatReply,
    Json,
    embeddings_of,
    error_body,
    error_of,
    models_of,
)
from secretariat.models.serving.transport import (
    BodyTooLargeError,
    EventStream,
    ServiceToken,
    body_of,
    while_connected,
)
from secretariat.models.serving.wire import ChatCompletion, Embeddings, Tokenize

if TYPE_CHECKING:
    from secretariat.models.engine.local import LocalModels

W = TypeVar("W", bound=pydantic.BaseModel)


def create_app(bridge: Bridge, token: str) -> Starlette:
    """The ASGI application; its lifespan starts and closes the bridge."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.bridge = bridge
        bridge.start()
        yield
        bridge.close()

    return Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/v1/models", _models),
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/embeddings", _embeddings, methods=["POST"]),
            Route("/v1/tokenize", _tokenize, methods=["POST"]),
        ],
        middleware=[Middleware(ServiceToken, token=token)],
        exception_handlers={
            ModelError: _model_error,
            pydantic.ValidationError: _invalid,
            BodyTooLargeError: _too_large,
            HTTPException: _http_error,
            Exception: _server_error,
        },
        lifespan=lifespan,
    )


async def _health(request: Request) -> Response:
    try:
        _loaded(request)
    except ModelError as error:
        status = "loading" if error.retryable else "failed"
        return JSONResponse({"status": status, "code": error.code, "message": error.message}, 503)
    return JSONResponse({"status": "ok"})


async def _models(request: Request) -> Response:
    return JSONResponse(models_of(await _loaded(request).models()))


async def _chat(request: Request) -> Response:
    asked = await _parsed(ChatCompletion, request)
    call, models = _call(request), _loaded(request)
    wanted, reply = asked.core(), ChatReply(models.chat_model.identity, logprobs=asked.logprobs)
    emissions = models.chat_model.emissions(wanted, call)
    if not asked.stream:
        return JSONResponse(reply.whole(await while_connected(request.receive, _all(emissions))))
    first = await while_connected(request.receive, anext(emissions))
    usage = asked.stream_options.include_usage
    return EventStream(_events(first, emissions, reply, include_usage=usage), emissions)


async def _all(emissions: AsyncGenerator[Emission, None]) -> list[Emission]:
    async with contextlib.aclosing(emissions):
        return [emission async for emission in emissions]


async def _events(
    first: Emission, rest: AsyncGenerator[Emission, None], reply: ChatReply, *, include_usage: bool
) -> AsyncGenerator[Json | str, None]:
    yield reply.opening()
    emission = first
    try:
        while True:
            if emission.text or emission.drawn:
                yield reply.part(emission)
            if emission.finish_reason is not None:
                break
            emission = await anext(rest)
    except ModelError as error:
        yield error_of(error)
        return
    yield reply.closing(emission)
    if include_usage and emission.usage is not None:
        yield reply.usage(emission.usage)
    yield "[DONE]"


async def _embeddings(request: Request) -> Response:
    asked = await _parsed(Embeddings, request)
    models, call = _loaded(request), _call(request)
    _check_name(asked.model, models.embedder.identity.name)
    result = await while_connected(request.receive, models.embedder.embed(asked.texts, call))
    return JSONResponse(embeddings_of(result, as_base64=asked.encoding_format == "base64"))


async def _tokenize(request: Request) -> Response:
    asked = await _parsed(Tokenize, request)
    models = _loaded(request)
    _check_name(asked.model, models.chat_model.identity.name)
    return JSONResponse({"counts": await models.chat_model.count_tokens(asked.texts, _call(request))})


def _loaded(request: Request) -> "LocalModels":
    bridge: Bridge = request.app.state.bridge
    return bridge.models


async def _parsed(shape: type[W], request: Request) -> W:
    return shape.model_validate_json(await body_of(request))


def _check_name(asked: str, name: str) -> None:
    if asked not in ("default", name):
        raise ModelError("model_not_found", f"no such model here: {asked!r}", param="model")


def _call(request: Request) -> CallContext:
    """Without a tenant header the call is a tenant of its own, so that it shares no cache with anyone."""
    tenant = request.headers.get("x-secretariat-tenant") or f"none-{secrets.token_hex(16)}"
    request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
    deadline = request.headers.get("x-secretariat-deadline-ms")
    if deadline is None:
        return CallContext(tenant, request_id)
    if not deadline.isascii() or not deadline.lstrip("-").isdigit():
        raise ModelError("invalid_request", "X-Secretariat-Deadline-Ms is a number of milliseconds")
    return CallContext(tenant, request_id, int(deadline) / 1000)


async def _model_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ModelError)
    headers = {"Retry-After": "1"} if error.retryable and error.code != "deadline_exceeded" else None
    return JSONResponse(error_of(error), STATUS[error.code], headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, pydantic.ValidationError)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    param = ".".join(str(part) for part in first["loc"]) or None
    unknown = first["type"] == "extra_forbidden"
    reason = "not supported" if unknown else first["msg"]
    message = f"{param}: {reason}" if param else reason
    return JSONResponse(error_body(message, "invalid_request_error", "invalid_request", param), 400)


async def _too_large(_: Request, __: Exception) -> Response:
    body = error_body("the request body exceeds 4 MiB", "invalid_request_error", "request_too_large")
    return JSONResponse(body, 413, {"Connection": "close"})


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error_body(error.detail, "invalid_request_error")
    return JSONResponse(body, error.status_code, dict(error.headers or {}))


async def _server_error(_: Request, __: Exception) -> Response:
    return JSONResponse(error_body("the server failed", "server_error", "engine_failed"), 500)
