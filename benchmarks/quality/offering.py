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
    cards = [ToolCard(each.name, each.description, tuple(each.properties)) for each in tools]
    places = asyncio.run(for_a_call(request, cards, _embedder(), _CALL))
    return calling(request, [tools[place] for place in places])


def plan(request: str, actions: Sequence[Action]) -> Asked:
    cards = [ToolCard(each.name, each.description, each.parameters) for each in actions]
    places = asyncio.run(for_a_plan(request, cards, _embedder(), _CALL))
    return planning(request, [actions[place] for place in places])


@cache
def _embedder() -> LocalEmbedder:
    return LocalEmbedder(load_embedder(EMBEDDER, threads=THREADS))
