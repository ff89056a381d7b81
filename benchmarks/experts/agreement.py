"""How far JSON that was said agrees with JSON that is right."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.builtin.calculate import calculate
from secretariat.models.training.rewards import plain

Path = tuple[str | int, ...]
_SUM = "expression"


def agreement(said: str, right: str) -> float:
    """F1 over their values, each with the way to it: 0 … 1, and 0 for what is no JSON.

    Words count without case and punctuation, sums by what they come to. Fields that the right one has nowhere
    aren't judged.
    """
    try:
        ours = json.loads(said)
    except (ValueError, RecursionError):
        return 0.0
    wanted = Counter(_values(json.loads(right)))
    fields = {_field(path) for path, _ in wanted}
    held = Counter((path, value) for path, value in _values(ours) if _field(path) in fields)
    return 2 * (held & wanted).total() / (held.total() + wanted.total())


def _values(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _values(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _values(each, (*path, place))
    else:
        yield path, _spelled(value, path)


def _field(path: Path) -> str:
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "")


def _spelled(value: str | float | bool | None, path: Path) -> str:  # noqa: FBT001 - as JSON has them
    """So that no text equals a number, nor a number true or false."""
    if not isinstance(value, str):
        return json.dumps(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
    if _field(path) == _SUM:
        try:
            return f"= {calculate(value):.6f}"
        except ToolFailedError:
            return f"no sum: {value}"
    return f"text: {plain(value) or value}"
