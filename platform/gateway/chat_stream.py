"""A streamed completion on its way through: passed on piece by piece, recorded when it ends or breaks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx
import orjson
from starlette.responses import StreamingResponse
from starlette.types import Send

from secretariat.models.errors import ModelError
from secretariat.platform.gateway.evidence import Exchange, answer_content, identity
from secretariat.platform.web.openai_errors import envelope

_DATA = "data: "
_DONE = "[DONE]"


class ChatStream:
    """Reads the model server's events. `close` must be called, however far the reading got."""

    def __init__(
        self, exchange: Exchange, upstream: httpx.Response, held: AsyncExitStack, *, show_usage: bool
    ) -> None:
        self._exchange = exchange
        self._upstream = upstream
        self._held = held
        self._show_usage = show_usage
        self._text: list[str] = []
        self._citations: list[Any] = []
        self._seen: dict[str, Any] = {}
        self._finish_reason: str | None = None
        self._failure: str | None = None
        self._told = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The end is only shown once the record of it is committed."""
        try:
            async for line in self._upstream.aiter_lines():
                data = line.removeprefix(_DATA)
                if data == _DONE:
                    break
                if line.startswith(_DATA) and self._take(orjson.loads(data)):
                    yield f"{_DATA}{data}\n\n".encode()
        except (httpx.HTTPError, ModelError, orjson.JSONDecodeError):
            self._failure = "upstream_broke"
        await self.close()
        if not self._whole and not self._told:
            broken = envelope(503, "UPSTREAM_BROKE", "The model server broke off. Try again.", ())
            yield _DATA.encode() + orjson.dumps(broken) + b"\n\n"
        yield f"{_DATA}{_DONE}\n\n".encode()

    @property
    def _whole(self) -> bool:
        return self._finish_reason is not None and self._failure is None

    def _take(self, event: dict[str, Any]) -> bool:
        """Remember what the record needs; whether the caller asked for this event."""
        if "error" in event:
            self._failure = str(event["error"].get("code") or "engine_failed")
            self._told = True
            return True
        self._seen |= {key: event[key] for key in ("id", "model", "secretariat", "usage") if event.get(key)}
        for choice in event["choices"]:
            self._text.append(choice["delta"].get("content") or "")
            self._citations.extend(choice["delta"].get("citations") or ())
            self._finish_reason = choice["finish_reason"] or self._finish_reason
        return bool(event["choices"]) or self._show_usage

    async def close(self) -> None:
        """Free the model server and write the record, once."""
        if self._closed:
            return
        self._closed = True
        await self._held.aclose()
        await self._exchange.answered(
            answer_content("".join(self._text), self._citations),
            identity(self._seen)
            | {
                "stream": True,
                "finish_reason": self._finish_reason,
                "failure": None if self._whole else self._failure or "broken_off",
            },
            "success" if self._whole else "failure",
        )


class ClosingStreamingResponse(StreamingResponse):
    """Closes its stream also when the client goes away, or never began to read."""

    media_type = "text/event-stream"

    def __init__(self, stream: ChatStream) -> None:
        super().__init__(stream, headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._stream = stream

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._stream.close()
