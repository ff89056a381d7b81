"""The one error family of the agent side."""


class AgentError(Exception):
    """A task can't go on; `code` is stable and stands in the task's failure."""

    code: str = "agent_failed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PlanInvalidError(AgentError):
    """The plan is not a DAG of known steps with valid arguments."""

    code = "plan_invalid"


class ToolFailedError(AgentError):
    """A tool could not do what it was asked to; the message says why and what would help."""

    code = "tool_failed"


class LimitExceededError(AgentError):
    """The task would go over one of its limits (steps, tokens, time)."""

    code = "limit_exceeded"


class JournalMismatchError(AgentError):
    """The journal belongs to another task or another plan: replay would not be the same run."""

    code = "journal_mismatch"
