"""The demo from end to end: start, prepare, carry out, prove, report, stop."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from secretariat.platform.db.bootstrap import ROOT
from secretariat.platform.demo.api import Api, ApiRefusedError
from secretariat.platform.demo.handbook import ensure_handbook
from secretariat.platform.demo.installation import running_stack
from secretariat.platform.demo.narration import Narrator
from secretariat.platform.demo.proof import prove
from secretariat.platform.demo.report import TaskTrace, write_report
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.evaluation.circumstances import circumstances
from secretariat.platform.evaluation.judge import (
    ExpectedTask,
    Judgement,
    TaskFileError,
    judge,
    read_tasks,
    score,
)

OK, NOT_PROVED, FAILED = 0, 1, 2
EXAMPLES = ROOT / "examples"
REPORT = ROOT / ".secretariat" / "demo" / "report.json"


def show(*, judge: bool) -> int:
    """0 when the task completed and its proof verifies, 1 when not, 2 when the stack failed."""
    started = time.monotonic()
    out = Console(highlight=False)
    with _excused(out) as failed:
        tasks = read_tasks(EXAMPLES / "tasks.yaml")
        with running_stack(out) as api:
            collection, names = ensure_handbook(api, EXAMPLES / "handbook", out)
            out.print(f"\n[bold]Task[/bold]\n{tasks.demo_task.request}")
            trace, judgement = _carry_out(api, tasks.demo_task, collection, names, Narrator(out))
            total = score(_run_all(api, tasks.tasks, collection, names, out)) if judge else None
            proof = prove(api, trace.task_id, REPORT.parent / "audit-export.zip")
        seconds = time.monotonic() - started
        write_report(REPORT, trace, proof, judgement, total, seconds)
        verdict = "[green]verified[/green]" if proof.verified else "[red]not verified[/red]"
        out.print(
            f"\n[bold]Audit[/bold]\n{proof.task_records} records of this task, {proof.records} in the log, "
            f"exported to {proof.export}: {verdict}\nhead {proof.head}\n\n"
            f"Expected facts found: {'yes' if judgement.right else 'no'}. Report: {REPORT}. {seconds:.0f} s."
        )
        return OK if proof.verified and trace.status == "completed" else NOT_PROVED
    return failed.code


def judge_tasks(file: Path, *, output: Path | None, as_json: bool) -> int:
    """Run and judge every task of the file over the handbook that lies beside it. 0, or 2 if it can't be run."""
    out = Console(highlight=False, stderr=as_json)
    with _excused(out) as failed:
        tasks = read_tasks(file)
        with running_stack(out) as api:
            collection, names = ensure_handbook(api, file.parent / "handbook", out)
            judgements = _run_all(api, tasks.tasks, collection, names, out)
        figures = json.dumps(_figures(judgements), indent=2) + "\n"
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(figures, encoding="utf-8")
        if as_json:
            sys.stdout.write(figures)
        return OK
    return failed.code


class _Failure:
    code = OK


@contextmanager
def _excused(out: Console) -> Iterator[_Failure]:
    """Turns what a person can mend into a sentence."""
    failure = _Failure()
    try:
        yield failure
    except (StackError, ApiRefusedError, TaskFileError, httpx.TransportError) as error:
        out.print(f"[red]{error}[/red]")
        failure.code = FAILED


def _carry_out(
    api: Api, expected: ExpectedTask, collection: str, names: dict[str, str], narrator: Narrator | None
) -> tuple[TaskTrace, Judgement]:
    started = time.monotonic()
    task = api.post("/api/v1/tasks", {"request": expected.request, "collection_ids": [collection]})
    trace = TaskTrace(task["id"])
    for event in api.events(task["id"]):
        trace.take(event)
        if narrator is not None:
            narrator.tell(event)
    seconds = time.monotonic() - started
    judgement = judge(
        expected, trace.answer, abstained=trace.abstained, cited=trace.cited(names), seconds=seconds
    )
    return trace, judgement


def _run_all(
    api: Api, tasks: Sequence[ExpectedTask], collection: str, names: dict[str, str], out: Console
) -> list[Judgement]:
    judgements: list[Judgement] = []
    table = Table("Task", "Outcome", "Facts", "Cited right", "Seconds", title="Twenty tasks")
    for task in tasks:
        with out.status(f"{task.id} ({len(judgements) + 1} of {len(tasks)})"):
            _, judgement = _carry_out(api, task, collection, names, None)
        judgements.append(judgement)
        facts = f"{judgement.facts_found} of {len(task.facts)}" if task.answerable else "unanswerable"
        cited = {True: "yes", False: "no", None: ""}[judgement.sources_right]
        table.add_row(task.id, judgement.outcome, facts, cited, f"{judgement.seconds:.1f}")
    out.print(table)
    total = score(judgements)
    out.print(
        f"right {total.right}, wrong {total.wrong}, abstained {total.abstained}; "
        f"facts right {total.facts_right} of {total.facts}, cited right {total.sources_right} of {total.facts}, "
        f"abstained when it must {total.abstained_right} of {total.unanswerable}"
    )
    return judgements


def _figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    tasks = [
        {
            "id": judgement.task.id,
            "answerable": judgement.task.answerable,
            "outcome": judgement.outcome,
            "facts_found": judgement.facts_found,
            "facts": len(judgement.task.facts),
            "sources_right": judgement.sources_right,
            "seconds": round(judgement.seconds, 1),
        }
        for judgement in judgements
    ]
    return {"score": asdict(score(judgements)), "tasks": tasks, **circumstances()}
