"""A run that dies anywhere goes on from its journal: the same end, nothing done twice."""

from collections.abc import Callable

import pytest

from secretariat.agents.core import (
    ArtifactCreated,
    ModelAnswered,
    ModelPrompted,
    PlanProposed,
    StepFailed,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskStarted,
    ToolCompleted,
)
from secretariat.agents.loop import run
from tests.agents.corpus import DOCUMENTS
from tests.agents.test_loop import REQUEST, seahorses
from tests.agents.world import (
    CrashError,
    Library,
    MemoryLedger,
    ScriptedChat,
    context,
    events_of,
    last,
    lookups,
    recorded,
    task,
)

REPORT = "Write a report about the seahorses and their tank."
REPORT_PLAN = lookups("a report about the seahorses", "their tank")


def reporter() -> ScriptedChat:
    return ScriptedChat(intent="write", plan=REPORT_PLAN)


def lasting(events: list[TaskEvent]) -> list[str]:
    """What must be the same after a resumption: everything but announcements and durations."""
    return [
        event.model_copy(update={"seconds": 0.0} if hasattr(event, "seconds") else {}).model_dump_json()
        for event in events
        if event.type not in {"model.prompted", "tool.requested"}
    ]


@pytest.mark.parametrize(("request_", "chat"), [(REQUEST, seahorses), (REPORT, reporter)])
async def test_cut_anywhere_the_run_ends_the_same_and_repeats_nothing(
    request_: str, chat: Callable[[], ScriptedChat]
) -> None:
    library, ledger = Library(DOCUMENTS), MemoryLedger()
    whole = await events_of(task(request_), await context(library, chat(), ledger=ledger))
    assert last(TaskCompleted, whole)
    for cut in range(len(whole) + 1):
        journal, again = whole[:cut], chat()
        rest = await events_of(task(request_), await context(library, again, ledger=ledger, journal=journal))
        assert lasting(journal + rest) == lasting(whole), f"cut after {cut} events"
        answered = sum(isinstance(event, ModelAnswered) for event in journal)
        calls = sum(isinstance(event, ModelAnswered) for event in whole)
        assert len(again.requests) == calls - answered
    assert len(ledger.reports) == (request_ == REPORT)


async def test_a_prompt_whose_answer_was_lost_is_announced_again() -> None:
    library = Library(DOCUMENTS)
    whole = await events_of(task(REQUEST), await context(library, seahorses()))
    cut = next(index for index, event in enumerate(whole) if isinstance(event, ModelPrompted)) + 1
    rest = await events_of(task(REQUEST), await context(library, seahorses(), journal=whole[:cut]))
    assert rest[0] == whole[cut - 1]


@pytest.mark.parametrize("moment", ["after reserve", "after settle"])
async def test_a_crash_around_the_effect_leaves_one_report(moment: str) -> None:
    library, ledger, journal = Library(DOCUMENTS), MemoryLedger(crash=moment), list[TaskEvent]()
    found = await context(library, reporter(), ledger=ledger)
    with pytest.raises(CrashError):
        await recorded(journal, run(task(REPORT), found))
    rest = await events_of(task(REPORT), await context(library, reporter(), ledger=ledger, journal=journal))
    assert last(TaskCompleted, rest)
    ((artifact, draft),) = ledger.reports.values()
    assert [event.artifact_id for event in rest if isinstance(event, ArtifactCreated)] == [artifact]
    assert "## Sources" in draft.markdown
    assert "compared with the document" in draft.markdown


async def test_an_ended_task_yields_nothing() -> None:
    library = Library(DOCUMENTS)
    whole = await events_of(task(REQUEST), await context(library, seahorses()))
    assert await events_of(task(REQUEST), await context(library, seahorses(), journal=whole)) == []


async def test_what_has_been_spent_is_remembered_across_leases() -> None:
    library = Library(DOCUMENTS)
    whole = await events_of(task(REQUEST), await context(library, seahorses()))
    cut = next(index for index, event in enumerate(whole) if isinstance(event, PlanProposed)) + 1
    again = seahorses()
    rest = await events_of(
        task(REQUEST, max_model_calls=2), await context(library, again, journal=whole[:cut])
    )
    assert last(TaskFailed, rest).code == "limit_exceeded"
    assert not again.requests


async def test_a_failure_on_record_stands() -> None:
    library = Library(DOCUMENTS)
    chat = ScriptedChat(intent="calculate", plan='{"expression": "3 / 0"}')
    whole = await events_of(task("What is 3 divided by 0?"), await context(library, chat))
    cut = next(index for index, event in enumerate(whole) if isinstance(event, StepFailed)) + 1
    rest = await events_of(task("What is 3 divided by 0?"), await context(library, chat, journal=whole[:cut]))
    assert rest == whole[cut:]


async def test_a_journal_of_another_request_is_refused() -> None:
    journal = [TaskStarted(request="Something else?")]
    rest = await events_of(task(REQUEST), await context(Library({}), seahorses(), journal=journal))
    assert [event.code for event in rest if isinstance(event, TaskFailed)] == ["journal_mismatch"]


async def test_a_plan_that_was_tampered_with_is_refused() -> None:
    library = Library(DOCUMENTS)
    whole = await events_of(task(REQUEST), await context(library, seahorses()))
    at = next(index for index, event in enumerate(whole) if isinstance(event, PlanProposed))
    plan = whole[at]
    assert isinstance(plan, PlanProposed)
    first = plan.steps[0].model_copy(update={"arguments": {"query": "all salaries"}})
    journal = [*whole[:at], plan.model_copy(update={"steps": (first, *plan.steps[1:])})]
    rest = await events_of(task(REQUEST), await context(library, seahorses(), journal=journal))
    assert [event.code for event in rest if isinstance(event, TaskFailed)] == ["journal_mismatch"]
    assert not any(isinstance(event, ToolCompleted) for event in rest)
