"""Tools as they are put before every model: of many, those that a request may want.

Knows no set, no score and no chat model.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

from benchmarks.ours import THREADS
from benchmarks.quality.weighing import EMBEDDER
from secretariat.models.core import CallContext
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.nets.load_encoder import load_embedder
from secretariat.models.training.data.forms import Asked
from secretariat.models.training.data.plan_form import Action, planning
from secretariat.models.training.data.tool_form import Tool, calling
from secretariat.retrieval.tools import ToolCard, for_a_call, for_a_plan

_CALL = CallContext("benchmark", "offering")


def call(request: str, tools: Sequence[Tool]) -> Asked:
    places = asyncio.run(for_a_call(request, list(map(card_of_tool, tools)), embedder(), _CALL))
    return calling(request, [tools[place] for place in places])


def plan(request: str, actions: Sequence[Action]) -> Asked:
    places = asyncio.run(for_a_plan(request, list(map(card_of_action, actions)), embedder(), _CALL))
    return planning(request, [actions[place] for place in places])


def card_of_tool(tool: Tool) -> ToolCard:
    return ToolCard(tool.name, tool.description, tuple(tool.properties))


def card_of_action(action: Action) -> ToolCard:
    return ToolCard(action.name, action.description, action.parameters)


@cache
def embedder() -> LocalEmbedder:
    return LocalEmbedder(load_embedder(EMBEDDER, threads=THREADS))
