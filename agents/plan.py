"""A plan: a directed acyclic graph of tool calls, checked before anything runs, with a hash of its own.

Knows the tools' names and argument schemas, not what they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Self

from pydantic import BaseModel, ValidationError

from secretariat.agents.core import PlanStep
from secretariat.agents.effects import canonical_sha256
from secretariat.agents.errors import PlanInvalidError

MAX_STEPS = 8
ArgumentSchemas = Mapping[str, type[BaseModel]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can run. Make one with `validated`."""

    steps: tuple[PlanStep, ...]

    @classmethod
    def validated(cls, steps: Sequence[PlanStep], tools: ArgumentSchemas) -> Self:
        """Raises PlanInvalidError, naming the step."""
        if not 1 <= len(steps) <= MAX_STEPS:
            raise PlanInvalidError(f"A plan has 1 to {MAX_STEPS} steps, not {len(steps)}.")
        by_id = {step.id: step for step in steps}
        if len(by_id) != len(steps):
            raise PlanInvalidError("Two steps have the same id.")
        for step in steps:
            _check_step(step, by_id, tools)
        ordered = _ordered(steps)
        if ordered[-1].tool != "answer" or sum(step.tool == "answer" for step in steps) != 1:
            raise PlanInvalidError("A plan ends in its one answer step.")
        return cls(ordered)

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of the steps: equal plans, equal hashes, whatever wrote them."""
        return canonical_sha256([step.model_dump(mode="json") for step in self.steps])


def _check_step(step: PlanStep, by_id: Mapping[str, PlanStep], tools: ArgumentSchemas) -> None:
    schema = tools.get(step.tool)
    if schema is None:
        raise PlanInvalidError(f"Step {step.id!r}: there is no tool {step.tool!r}.")
    try:
        schema.model_validate(step.arguments)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, item["loc"])) or "arguments" for item in error.errors())
        raise PlanInvalidError(f"Step {step.id!r}: the arguments don't fit {step.tool} ({where}).") from error
    missing = [name for name in step.after if name not in by_id]
    if missing:
        raise PlanInvalidError(f"Step {step.id!r} comes after {missing[0]!r}, which isn't in the plan.")


def _ordered(steps: Sequence[PlanStep]) -> tuple[PlanStep, ...]:
    """The given order where it is possible already; the answer last."""
    sorter = TopologicalSorter({step.id: step.after for step in steps})
    try:
        sorter.prepare()
    except CycleError as error:
        raise PlanInvalidError(f"Steps wait for each other: {' -> '.join(error.args[1])}.") from error
    by_id = {step.id: step for step in steps}
    position = {step.id: (step.tool == "answer", index) for index, step in enumerate(steps)}
    ordered: list[PlanStep] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        ordered += [by_id[name] for name in ready]
        sorter.done(*ready)
    return tuple(ordered)
