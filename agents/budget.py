"""The limits of a task, and the one place where they are checked.

What has been spent is read from the journal, so a task that changes hands doesn't get a fresh allowance.
"""

from dataclasses import dataclass

from secretariat.agents.core import Task
from secretariat.agents.errors import LimitExceededError
from secretariat.agents.journal import Journal


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in model calls, tokens (prompt + completion, all calls) and seconds of model and tool time."""

    model_calls: int
    tokens: int
    seconds: float = 900.0
    steps: int = 8

    @classmethod
    def of(cls, task: Task) -> "Budget":
        return cls(model_calls=task.max_model_calls, tokens=task.max_tokens)

    def check(self, journal: Journal) -> None:
        """Called before each model call. Raises LimitExceededError when the call would go over."""
        spent = journal.spent
        if spent.model_calls >= self.model_calls:
            raise LimitExceededError(f"The task has used its {self.model_calls} model calls.")
        if spent.tokens >= self.tokens:
            raise LimitExceededError(f"The task has used {spent.tokens} of its {self.tokens} tokens.")
        if spent.seconds >= self.seconds:
            raise LimitExceededError(f"The task has run for {spent.seconds:.0f} of its {self.seconds:.0f} s.")
