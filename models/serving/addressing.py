"""Which of a model's experts answers a request that names none. Knows no HTTP."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

from secretariat.models.core import CallContext, ChatRequest
from secretariat.models.engine.events import Emission
from secretariat.models.experts.router import asked
from secretariat.models.experts.team import Member, Team
from secretariat.models.serving.shelf import Shelf


async def expert_of(shelf: Shelf, model: str, request: ChatRequest, call: CallContext) -> Member | None:
    """None where the model has no experts, and where the request says itself who answers or what it continues.

    The form of a request decides where it can, the router elsewhere. Raises ModelError.
    """
    team = shelf.team(model)
    if team is None or request.adapter is not None or request.experts or request.snapshot is not None:
        return None
    return team.sure(request) or await _routed(shelf, team, request, call)


async def _routed(shelf: Shelf, team: Team, request: ChatRequest, call: CallContext) -> Member:
    """The general one also where the server embeds with another model than the router was fitted with."""
    if team.router is None:
        return team.general
    async with shelf.embedder("default") as embedder:
        if embedder.identity.weights_sha256 != team.router.embedder:
            return team.general
        (route,) = await team.router.choose([asked(request.messages)], embedder, call)
    return team.chosen(request, route)


def labelling(team: Team | None) -> str | None:
    """The adapter of the expert that says which label fits a text; None where the model itself does."""
    return None if team is None else next((one.served_name for one in team.members if one.labels), None)


def addressed(request: ChatRequest, expert: Member | None) -> ChatRequest:
    return request if expert is None else replace(request, adapter=expert.served_name)


async def telling(
    emissions: AsyncGenerator[Emission, None], expert: Member | None
) -> AsyncGenerator[Emission, None]:
    """The last step names the expert."""
    async with contextlib.aclosing(emissions):
        async for emission in emissions:
            last = expert is not None and emission.finish_reason is not None
            yield replace(emission, expert=expert.name) if expert is not None and last else emission
