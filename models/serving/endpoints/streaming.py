"""What the generating routes share: an answer that has begun, and the model that is held until it ends."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request

from secretariat.models.core import ModelIdentity
from secretariat.models.engine.events import Emission
from secretariat.models.serving.requests import shelf_of
from secretariat.models.serving.transport import while_connected

if TYPE_CHECKING:
    from secretariat.models.engine.local import LocalChat

Emissions = AsyncGenerator[Emission, None]
Ask = Callable[["LocalChat"], Emissions]


class Answer:
    """An answer that has begun: `model` gives it, `first` is its first step, `rest` all others.

    The model stays loaded until `rest` is closed.
    """

    def __init__(self, model: ModelIdentity, first: Emission, rest: Emissions) -> None:
        self.model = model
        self.first = first
        self.rest = rest

    async def steps(self) -> AsyncIterator[Emission]:
        """All of it. Raises ModelError where it breaks off."""
        emission = self.first
        while True:
            yield emission
            if emission.finish_reason is not None:
                return
            emission = await anext(self.rest)

    async def whole(self, request: Request) -> list[Emission]:
        """Cancelled when the client leaves: raises ModelError cancelled."""
        return await while_connected(request.receive, self._all())

    async def _all(self) -> list[Emission]:
        async with contextlib.aclosing(self.rest):
            return [emission async for emission in self.steps()]


async def answer(request: Request, name: str, ask: Ask) -> Answer:
    """Waits for the first step, so that what is wrong with a request is said before a stream begins."""
    found: list[ModelIdentity] = []
    emissions = _held(request, name, ask, found)
    first = await while_connected(request.receive, _first(emissions))
    return Answer(found[0], first, emissions)


async def _held(request: Request, name: str, ask: Ask, found: list[ModelIdentity]) -> Emissions:
    async with shelf_of(request).chat(name) as model:
        found.append(model.identity)
        async with contextlib.aclosing(ask(model)) as emissions:
            async for emission in emissions:
                yield emission


async def _first(emissions: Emissions) -> Emission:
    try:
        return await anext(emissions)
    except BaseException:
        await emissions.aclose()
        raise
