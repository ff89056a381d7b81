"""Function calling: one tool, several, or none that fits, each under a grammar made from the tools' schemas.

Of the tools those are offered that come near enough to the request.
"""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.quality import offering
from benchmarks.quality.answering import Answerer
from benchmarks.quality.call_rules import right
from benchmarks.quality.sets import bfcl
from secretariat.models.training.data.tool_form import NONE, Tool

PARTS = {"simple_python": 0.60, "multiple": 0.55, "irrelevance": 0.80}


def calls_right(answerer: Answerer, part: str, size: int) -> tuple[float, list[str]]:
    """The share of right calls (of calling none, for irrelevance), and the ids of the right ones."""
    held = list(bfcl(part))
    rows = held[:: max(1, len(held) // size)][:size]
    results = answerer.answers([offering.call(request, tools) for _, request, tools, _ in rows])
    good = [
        name for (name, _, tools, accepted), result in zip(rows, results, strict=True)
        if call_is_right(result.text, tools, accepted)
    ]  # fmt: skip
    return len(good) / len(rows), good


def call_is_right(text: str, tools: Sequence[Tool], accepted: dict[str, dict[str, list[Any]]]) -> bool:
    """No accepted call: none is to be made."""
    try:
        call = json.loads(text)
    except json.JSONDecodeError:  # cut off at the budget's end
        return False
    if not accepted:
        return bool(call["tool"] == NONE)
    ((expected, values),) = accepted.items()
    tool = next(each for each in tools if each.name == expected)
    return call["tool"] == expected and right(tool, call["arguments"], values)
