"""Calls on their way to the model server, with evidence on both sides of each."""

import hashlib
import secrets
from contextlib import AsyncExitStack
from typing import Any

import orjson
from starlette.responses import Response

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.access.caller import Caller
from secretariat.platform.gateway import schemas
from secretariat.platform.gateway.adapters import named_adapter
from secretariat.platform.gateway.chat_stream import ChatStream, ClosingStreamingResponse
from secretariat.platform.gateway.evidence import Exchange, answer_content, identity
from secretariat.platform.services import Services
from secretariat.platform.web.errors import BadRequestError, PlatformError, UnavailableError

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
_PASSED_HEADERS = ("retry-after",)
_SEED_BITS = 53  # whole numbers that every reader of the record's JSON has exactly
_OURS_TO_MEND = frozenset({401, 403})  # the model server refused us, not the caller


class UpstreamTimeoutError(PlatformError):
    status, code, title = 504, "DEADLINE_EXCEEDED", "The model took too long"


async def chat(services: Services, caller: Caller, body: schemas.ChatCompletionRequest) -> Response:
    """A caller who gives no seed gets one that is on record before anything is drawn with it.

    Raises BadRequestError, UnavailableError, UpstreamTimeoutError.
    """
    wanted = body.model_dump(exclude_unset=True)
    wanted |= await named_adapter(services, caller, wanted.get("adapter"))
    encoded = _encoded(wanted)
    exchange = Exchange(services, caller, CHAT, body.model)
    details = {"messages": len(body.messages), "stream": bool(body.stream)}
    if wanted.get("seed") is None:
        wanted["seed"] = details["drawn_seed"] = secrets.randbits(_SEED_BITS)
    await exchange.asked(encoded, details)
    if body.stream:
        return await _streamed(exchange, wanted)
    return await _whole(exchange, orjson.dumps(wanted))


async def embeddings(services: Services, caller: Caller, body: schemas.EmbeddingsRequest) -> Response:
    """Raises BadRequestError, UnavailableError, UpstreamTimeoutError."""
    wanted = body.model_dump(exclude_unset=True)
    encoded = _encoded(wanted)
    exchange = Exchange(services, caller, EMBEDDINGS, body.model)
    texts = 1 if isinstance(body.input, str) else len(body.input)
    await exchange.asked(encoded, {"texts": texts})
    return await _whole(exchange, encoded)


def _encoded(wanted: dict[str, Any]) -> bytes:
    """Raises BadRequestError for what Python reads as JSON and nobody else does."""
    if "\x00" in wanted["model"]:
        raise BadRequestError("The name of a model has no NUL character.")
    try:
        return orjson.dumps(wanted)
    except orjson.JSONEncodeError as cause:
        raise BadRequestError(
            "The request holds a lone surrogate, a number that is too large, or nests too deeply."
        ) from cause


async def models(services: Services, caller: Caller) -> Response:
    """Raises UnavailableError."""
    try:
        async with services.models.forward("GET", MODELS, b"", _call(caller)) as upstream:
            content = await upstream.aread()
    except ModelError as error:
        raise _unavailable(error) from error
    return _passed_on(upstream.status_code, content, upstream.headers)


async def _whole(exchange: Exchange, body: bytes) -> Response:
    """The record of the answer is committed before the answer is given."""
    try:
        async with exchange.services.models.forward(
            "POST", exchange.endpoint, body, _call(exchange.caller)
        ) as upstream:
            content = await upstream.aread()
    except ModelError as error:
        await exchange.answered(None, {"failure": error.code}, "failure")
        raise _unavailable(error) from error
    await _keep(exchange, upstream.status_code, content)
    return _passed_on(upstream.status_code, content, upstream.headers)


async def _streamed(exchange: Exchange, wanted: dict[str, Any]) -> Response:
    """Usage is always asked for, because the record needs it, and shown only to those who asked."""
    options = wanted.get("stream_options") or {}
    body = orjson.dumps({**wanted, "stream_options": {**options, "include_usage": True}})
    async with AsyncExitStack() as held:
        try:
            upstream = await held.enter_async_context(
                exchange.services.models.forward("POST", CHAT, body, _call(exchange.caller))
            )
            if upstream.status_code == 200:
                show_usage = bool(options.get("include_usage"))
                stream = ChatStream(exchange, upstream, held.pop_all(), show_usage=show_usage)
                return ClosingStreamingResponse(stream)
            content = await upstream.aread()
        except ModelError as error:
            await exchange.answered(None, {"failure": error.code}, "failure")
            raise _unavailable(error) from error
    await _keep(exchange, upstream.status_code, content)
    return _passed_on(upstream.status_code, content, upstream.headers)


async def _keep(exchange: Exchange, status: int, content: bytes) -> None:
    """Completions are kept in full; of embeddings, their hash: they follow from the recorded input."""
    if status != 200:
        await exchange.answered(None, {"status": status, "failure": _code(content)}, "failure")
        return
    reply = orjson.loads(content)
    details = identity(reply) | {"sha256": hashlib.sha256(content).hexdigest()}
    if exchange.endpoint == EMBEDDINGS:
        await exchange.answered(None, details | {"vectors": len(reply["data"])}, "success")
        return
    (choice,) = reply["choices"]
    details |= {"stream": False, "finish_reason": choice["finish_reason"]}
    message = choice["message"]
    said = answer_content(message["content"], message.get("citations") or [])
    await exchange.answered(said, details, "success")


def _code(content: bytes) -> str | None:
    try:
        error = orjson.loads(content)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return str(error.get("code"))


def _passed_on(status: int, content: bytes, headers: Any) -> Response:
    if status in _OURS_TO_MEND:
        raise UnavailableError("The model server refused this service. Tell an administrator.")
    kept = {name: headers[name] for name in _PASSED_HEADERS if name in headers}
    return Response(content, status, kept, "application/json")


def _call(caller: Caller) -> CallContext:
    """Tenant and request id are ours to say; nothing of the caller's headers goes on."""
    return CallContext(tenant=str(caller.tenant_id), request_id=caller.request_id)


def _unavailable(error: ModelError) -> PlatformError:
    if error.code == "deadline_exceeded":
        return UpstreamTimeoutError("The model took too long. Ask for less, or try again.")
    return UnavailableError("The model server does not answer. Try again shortly.")
