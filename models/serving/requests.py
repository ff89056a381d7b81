"""From an HTTP request to what an endpoint needs: the parsed body, for whom it runs, the models.

Trusts its caller's tenant, request id and deadline: only the platform holds the service token.
"""

import secrets
import uuid
from typing import Any, TypeVar

import pydantic
import pydantic_core
from starlette.requests import Request

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.models.serving.failures import BodyTooLargeError, InvalidBodyError
from secretariat.models.serving.shelf import Shelf

MAX_BODY_BYTES = 4 * 2**20
W = TypeVar("W", bound=pydantic.BaseModel)


def shelf_of(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


def call_of(request: Request) -> CallContext:
    """Without a tenant header the call is a tenant of its own, so that it shares nothing with anyone."""
    tenant = request.headers.get("x-secretariat-tenant") or f"none-{secrets.token_hex(16)}"
    request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
    deadline = request.headers.get("x-secretariat-deadline-ms")
    if deadline is None:
        return CallContext(tenant, request_id)
    if not deadline.isascii() or not deadline.lstrip("-").isdigit():
        raise ModelError("invalid_request", "X-Secretariat-Deadline-Ms is a number of milliseconds")
    return CallContext(tenant, request_id, int(deadline) / 1000)


async def body_of(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. Raises BodyTooLargeError as soon as it exceeds the limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise BodyTooLargeError
    return bytes(body)


async def parsed(shape: type[W], request: Request, most: int = MAX_BODY_BYTES) -> W:
    """Raises BodyTooLargeError or InvalidBodyError, which names the first field at fault."""
    body = await body_of(request, most)
    try:
        return shape.model_validate_json(body)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = _path(first["loc"], body) or None
        reason = "not supported" if first["type"] == "extra_forbidden" else first["msg"]
        raise InvalidBodyError(f"{param}: {reason}" if param else reason, param) from error


def _path(location: tuple[int | str, ...], body: bytes) -> str:
    """The location as the caller wrote it: without the names that unions of shapes have inside pydantic."""
    try:
        value: Any = pydantic_core.from_json(body)
    except ValueError:
        return ""
    path: list[str] = []
    for position, part in enumerate(location):
        absent = position == len(location) - 1
        if isinstance(value, dict) and (part in value or (absent and not path)):
            path, value = [*path, str(part)], value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path, value = [*path, str(part)], value[part]
        elif isinstance(value, dict) and absent:
            path.append(str(part))
    return ".".join(path)
