"""Plans for 200 requests over 30 tools: valid, and the right tools in the right order.

The tools and requests lie in plans.json; nothing is trained on their families or sentences.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality import offering
from benchmarks.quality.answering import Answerer
from secretariat.models.training.data.plan_form import Action, problems

FILE = Path(__file__).with_name("plans.json")


@dataclass(frozen=True, slots=True)
class Request:
    """`tools`: what a right plan calls, in order."""

    id: str
    text: str
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """Shares, [0, 1]. `tools`: the names that each plan called, in order."""

    valid: float
    right: float
    tools: tuple[tuple[str, ...], ...]


def read() -> tuple[list[Action], list[Request]]:
    held = json.loads(FILE.read_text(encoding="utf-8"))
    actions = [
        Action(each["name"], each["description"], tuple(each["parameters"])) for each in held["actions"]
    ]
    return actions, [Request(each["id"], each["request"], tuple(each["tools"])) for each in held["requests"]]


def planned(answerer: Answerer, size: int) -> Planned:
    actions, requests = read()
    chosen = requests[:: max(1, len(requests) // size)][:size]
    results = answerer.answers([offering.plan(each.text, actions) for each in chosen])
    return scored(actions, chosen, [result.text for result in results])


def scored(actions: Sequence[Action], requests: Sequence[Request], texts: Sequence[str]) -> Planned:
    plans = [_parsed(text) for text in texts]
    tools = tuple(_tools(plan) for plan in plans)
    valid = sum(not problems(plan, actions) for plan in plans)
    right = sum(called == request.tools for called, request in zip(tools, requests, strict=True))
    return Planned(valid / len(requests), right / len(requests), tools)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:  # cut off at the budget's end
        return None


def _tools(plan: Any) -> tuple[str, ...]:
    steps = plan.get("steps", ()) if isinstance(plan, dict) else ()
    return tuple(str(step["tool"]) for step in steps)
