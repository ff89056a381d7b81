"""The router that every slice uses: problems declared, answers kept for idempotency keys."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from secretariat.platform.web.errors import problem_responses
from secretariat.platform.web.idempotency import Claim, Replayed, is_shown_once


class PlatformRoute(APIRoute):
    """Runs before the endpoint's transaction commits, so the answer is kept in that transaction."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await handle(request)
            except Replayed as replayed:
                return replayed.response
            claim = getattr(request.state, "claim", None)
            if isinstance(claim, Claim) and not isinstance(response, StreamingResponse):
                await claim.keep(response, once=is_shown_once(self.endpoint))
            return response

        return handler


def api_router(tag: str, prefix: str = "") -> APIRouter:
    """A router under /api/v1 or /v1; `prefix` is the whole path prefix."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=PlatformRoute,
        responses=problem_responses(401, 403, 422, 503),
    )
