"""Several experts behind one router, as one ChatModel: each request goes to the expert that it is for.

An expert is an adapter of one model, or a whole model by name. Knows no engine: `models` may be in this process or
behind HTTP.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from secretariat.models.client import ChatModel, Embedder
from secretariat.models.core import CallContext, ChatRequest, ChatResult, TokenEvent
from secretariat.models.errors import ModelError
from secretariat.models.experts.router import Route, Router, asked


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expert is: the model's name, and the adapter's where it is one."""

    model: str = "default"
    adapter: str | None = None


class Composition:
    """A ChatModel. `places`: one for each of the router's experts. Raises ModelError invalid_request if any is
    missing."""

    def __init__(
        self, models: ChatModel, embedder: Embedder, router: Router, places: Mapping[str, Place]
    ) -> None:
        if missing := set(router.experts) - places.keys():
            raise ModelError("invalid_request", f"nowhere to find the expert {min(missing)!r}")
        self._models = models
        self._embedder = embedder
        self._router = router
        self._places = dict(places)

    async def route(self, request: ChatRequest, call: CallContext) -> Route:
        """Who is to answer, without asking anybody."""
        (route,) = await self._router.choose([asked(request.messages)], self._embedder, call)
        return route

    async def chat(self, request: ChatRequest, call: CallContext) -> ChatResult:
        route = await self.route(request, call)
        return replace(await self._models.chat(self._sent(request, route), call), expert=route.expert)

    async def stream(self, request: ChatRequest, call: CallContext) -> AsyncIterator[TokenEvent]:
        route = await self.route(request, call)
        async for event in self._models.stream(self._sent(request, route), call):
            last = event.finish_reason is not None
            yield replace(event, expert=route.expert) if last else event

    async def count_tokens(self, texts: Sequence[str], call: CallContext) -> list[int]:
        return await self._models.count_tokens(texts, call)

    def _sent(self, request: ChatRequest, route: Route) -> ChatRequest:
        place = self._places[route.expert]
        return replace(request, model=place.model, adapter=place.adapter)
