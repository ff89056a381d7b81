"""HTTP plumbing of the server: who may call, clients that leave, event streams.

Knows nothing of models.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secretariat.models.errors import ModelError
from secretariat.models.serving.failures import Json, error_body

_OPEN_PATHS = frozenset({"/healthz"})
_log = logging.getLogger(__name__)
T = TypeVar("T")


class ServiceToken:
    """Middleware: all but /healthz needs the one token, compared in constant time. Logs each request."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("authorization", "").encode("latin-1")
        began, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        if scope["path"] in _OPEN_PATHS or hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, noted)
        else:
            body = error_body("a valid service token is required", "authentication_error", "invalid_api_key")
            await JSONResponse(body, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, noted)
        if scope["path"] not in _OPEN_PATHS:
            milliseconds = 1000 * (time.monotonic() - began)
            request_id = headers.get("x-request-id", "-")[:64]
            _log.info("%s %s %d %.0f ms %r", scope["method"], scope["path"], status, milliseconds, request_id)


async def while_connected(receive: Receive, work: Awaitable[T]) -> T:
    """The result of `work`, cancelled as soon as the client leaves: then raises ModelError cancelled."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ModelError("cancelled", "the client closed the connection")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """Server-sent events. Closes `source`, which feeds them, at the end or as soon as the client leaves.

    `named`: each event's `type` is also the name that it is sent under.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[Json | str, None],
        source: AsyncGenerator[Any, None],
        *,
        named: bool = False,
    ) -> None:
        self._events = events
        self._named = named
        self._source = source
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._source), contextlib.aclosing(self._events):
            with contextlib.suppress(ModelError, OSError):  # the client left: nobody to tell
                await while_connected(receive, self._pump(send))

    async def _pump(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for event in self._events:
            await send({"type": "http.response.body", "body": self._encoded(event), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _encoded(self, event: Json | str) -> bytes:
        if isinstance(event, str):
            return f"data: {event}\n\n".encode()
        name = f"event: {event['type']}\n" if self._named else ""
        return f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
