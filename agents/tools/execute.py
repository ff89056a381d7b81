"""Carrying out one step: announced, then done, then on record. A step on record isn't done again."""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from pydantic import ValidationError

from secretariat.agents.context import Run
from secretariat.agents.core import PlanStep, TaskEvent, ToolCompleted, ToolFailed, ToolRequested
from secretariat.agents.effects import effect_of
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.registry import TOOLS
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome, Tool


async def execute(run: Run, step: PlanStep) -> AsyncIterator[TaskEvent]:
    """Ends in ToolCompleted, or in ToolFailed and a raised ToolFailedError."""
    outcome = run.journal.outcome(step.id)
    if isinstance(outcome, ToolFailed):
        raise ToolFailedError(outcome.message)
    if outcome is not None:
        return
    tool = TOOLS[step.tool]
    started = time.monotonic()
    try:
        arguments = _validated(tool, step)
        plain = arguments.model_dump(mode="json")
        key = effect_of(run.task, step, plain).key if tool.has_effect else None
        yield ToolRequested(step=step.id, tool=tool.name, arguments=plain, effect_key=key)
        async with contextlib.aclosing(_acts(tool, Invocation(run, step, arguments))) as acts:
            async for event in acts:
                if isinstance(event, Outcome):
                    yield _completed(step, event, time.monotonic() - started)
                else:
                    yield event
    except ToolFailedError as error:
        yield ToolFailed(step=step.id, tool=step.tool, code=error.code, message=error.message)
        raise


async def _acts(tool: Tool, invocation: Invocation[Any]) -> AsyncGenerator[TaskEvent | Outcome, None]:
    async for event in tool.act(invocation):
        yield event


def _validated(tool: Tool, step: PlanStep) -> Arguments:
    try:
        return tool.arguments.model_validate(step.arguments)
    except ValidationError as error:
        raise ToolFailedError(
            f"The arguments don't fit {tool.name}: {error.error_count()} problems."
        ) from error


def _completed(step: PlanStep, outcome: Outcome, seconds: float) -> ToolCompleted:
    result = {**outcome.result, "summary": outcome.summary}
    return ToolCompleted(step=step.id, tool=step.tool, result=result, seconds=seconds)
