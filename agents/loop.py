"""A task's life: what is wanted, how to get it, doing it, and the answer. One loop that yields events.

Whoever runs the loop puts each event on record before asking for the next. Given that record again, the loop
takes the same path without repeating what was done. A model that is away for now ends nothing: its error goes
up to the host, which has the task go on later. Knows no database, no lease and no HTTP.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from secretariat.agents import intent, planner
from secretariat.agents.context import Run
from secretariat.agents.core import (
    AgentContext,
    PlanStep,
    StepCompleted,
    StepFailed,
    StepStarted,
    Task,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskStarted,
    ToolCompleted,
)
from secretariat.agents.errors import AgentError, JournalMismatchError
from secretariat.agents.journal import Journal
from secretariat.agents.plan import Plan
from secretariat.agents.tools.execute import execute
from secretariat.models.errors import ModelError
from secretariat.retrieval.errors import RetrievalError

_FAILURES = (AgentError, ModelError, RetrievalError)


async def run(task: Task, context: AgentContext) -> AsyncGenerator[TaskEvent, None]:
    """New events only, ending in TaskCompleted or TaskFailed; nothing if the journal has ended already.

    Cancelling is closing the iterator: what runs stops at its next await, and nothing more is yielded. Raises
    ModelError when a model, asked again, still can't answer for now: the task hasn't failed, and its journal goes
    on from there.
    """
    journal = Journal(context.journal)
    if journal.ended:
        return
    async with contextlib.aclosing(_life(Run(task, context, journal))) as events:
        async for event in events:
            if journal.admit(event):
                yield event


async def _life(run_: Run) -> AsyncGenerator[TaskEvent, None]:
    try:
        if run_.journal.request not in {None, run_.task.request}:
            raise JournalMismatchError("The journal belongs to another request.")
        yield TaskStarted(request=run_.task.request)
        async for event in intent.classify(run_):
            yield event
        async for event in planner.propose(run_):
            yield event
        plan = planner.proposed(run_)
        for step in plan.steps:
            async for event in _carried_out(run_, step):
                yield event
        yield _completed(run_, plan)
    except _FAILURES as error:
        if _passes(error):
            raise
        yield TaskFailed(code=error.code, message=error.message)


async def _carried_out(run_: Run, step: PlanStep) -> AsyncIterator[TaskEvent]:
    failed = run_.journal.failure(step.id)
    if failed is not None:
        raise _RecordedError(failed)
    yield StepStarted(step=step.id, tool=step.tool)
    started = time.monotonic()
    try:
        async for event in execute(run_, step):
            yield event
    except _FAILURES as error:
        if _passes(error):
            raise
        yield StepFailed(step=step.id, tool=step.tool, code=error.code, message=error.message)
        raise
    summary = str(_result(run_, step)["summary"])
    yield StepCompleted(step=step.id, tool=step.tool, summary=summary, seconds=time.monotonic() - started)


def _completed(run_: Run, plan: Plan) -> TaskCompleted:
    result = _result(run_, plan.steps[-1])
    return TaskCompleted(
        answer=str(result["answer"]),
        citations=tuple(event.citation for event in run_.journal.citations),
        abstained=bool(result["abstained"]),
    )


def _result(run_: Run, step: PlanStep) -> dict[str, Any]:
    outcome = run_.journal.outcome(step.id)
    assert isinstance(outcome, ToolCompleted), step.id
    return outcome.result


def _passes(error: Exception) -> bool:
    """Whether a later lease may fare better without a change to anything."""
    return isinstance(error, ModelError) and error.retryable


class _RecordedError(AgentError):
    """A failure of an earlier lease: it stands, and isn't tried again."""

    def __init__(self, failed: StepFailed) -> None:
        super().__init__(failed.message)
        self.code = failed.code
