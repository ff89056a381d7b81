"""Plans over given tools: how they are asked for, their schema, and what is wrong with one.

A step's argument is text, or `$n` for what step n gave. A schema has the tools and the steps that may be referred
to, so a plan drawn under it is valid unless its budget ends first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretariat.models.training.data.forms import Asked, closed, few_shot, json_schema, written

MOST_STEPS = 5
_LONGEST = 80
_SYSTEM = (
    "Plan the request with the tools: the steps in the order in which they run, no step that isn't needed. "
    "$1 stands for what step 1 gives. Reply with JSON."
)
_TEXT = {"type": "string", "pattern": rf"^[^$\n\"\\]{{1,{_LONGEST}}}$"}


@dataclass(frozen=True, slots=True)
class Action:
    """A tool of plans: all of its parameters are given, as text."""

    name: str
    description: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.parameters)}): {self.description}"


@dataclass(frozen=True, slots=True)
class Step:
    tool: str
    arguments: Mapping[str, str]


def planning(request: str, actions: Sequence[Action]) -> Asked:
    listed = "\n".join(f"- {action}" for action in actions)
    return Asked(
        few_shot(_SYSTEM, f"Tools:\n{listed}\n\nRequest: {request}"),
        constraint=json_schema(plan_schema(actions)),
        max_tokens=64 * MOST_STEPS,
    )


def planned(steps: Sequence[Step]) -> str:
    return written({"steps": [{"tool": each.tool, "arguments": dict(each.arguments)} for each in steps]})


def plan_schema(actions: Sequence[Action]) -> dict[str, Any]:
    """Each step may refer to those before it."""
    places = [{"anyOf": [_call(action, place) for action in actions]} for place in range(MOST_STEPS)]
    steps = {"type": "array", "prefixItems": places, "items": False, "minItems": 1, "maxItems": MOST_STEPS}
    return closed({"steps": steps})


def _call(action: Action, place: int) -> dict[str, Any]:
    earlier = [f"${step}" for step in range(1, place + 1)]
    value = {"anyOf": [_TEXT, {"enum": earlier}]} if earlier else _TEXT
    arguments = closed(dict.fromkeys(action.parameters, value))
    return closed({"tool": {"const": action.name}, "arguments": arguments})


def problems(plan: Any, actions: Sequence[Action]) -> list[str]:
    """What keeps a plan from being carried out; nothing if it is valid."""
    known = {action.name: action for action in actions}
    steps = plan.get("steps") if isinstance(plan, dict) else None
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        return [f"not 1 to {MOST_STEPS} steps"]
    found: list[str] = []
    for place, step in enumerate(steps):
        action = known.get(str(step.get("tool"))) if isinstance(step, dict) else None
        if action is None:
            found.append(f"step {place + 1}: no such tool")
        else:
            found += [f"step {place + 1}: {said}" for said in _wrong(step.get("arguments"), action, place)]
    return found


def _wrong(arguments: Any, action: Action, place: int) -> list[str]:
    if not isinstance(arguments, dict) or set(arguments) != set(action.parameters):
        return [f"not the arguments of {action.name}"]
    values = [value for value in arguments.values() if isinstance(value, str) and value.strip()]
    if len(values) < len(arguments):
        return ["an argument that is no text"]
    earlier = {f"${step}" for step in range(1, place + 1)}
    return [
        f"{value} is no earlier step" for value in values if value.startswith("$") and value not in earlier
    ]
