"""What a tool is: a name, a schema for its arguments, and an act that yields events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from secretariat.agents.context import Run
from secretariat.agents.core import PlanStep, TaskEvent, ToolCompleted, ToolName
from secretariat.agents.reading import Finding


class Arguments(BaseModel):
    """Base of all tools' arguments: frozen, and nothing but the fields named."""

    model_config = ConfigDict(frozen=True, extra="forbid")


A_co = TypeVar("A_co", bound=Arguments, covariant=True)


@dataclass(frozen=True, slots=True)
class Invocation(Generic[A_co]):
    """One call of a tool, its arguments validated."""

    run: Run
    step: PlanStep
    arguments: A_co

    def results(self) -> list[ToolCompleted]:
        """What the steps before this one came to, in the plan's order."""
        outcomes = (self.run.journal.outcome(name) for name in self.step.after)
        return [outcome for outcome in outcomes if isinstance(outcome, ToolCompleted)]

    def findings(self) -> list[Finding]:
        return findings_of(self.results())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool came to, as JSON; `summary` is one line for a reader who follows the task."""

    result: dict[str, Any]
    summary: str


class Tool(Protocol):
    """`act` yields what happens on the way and ends in its Outcome. Raises ToolFailedError."""

    name: ToolName
    arguments: type[Arguments]
    has_effect: bool

    def act(self, invocation: Invocation[Any]) -> AsyncIterator[TaskEvent | Outcome]: ...


def findings_of(results: Sequence[ToolCompleted]) -> list[Finding]:
    found = (result.result.get("finding") for result in results)
    return [Finding.model_validate(entry) for entry in found if entry is not None]
