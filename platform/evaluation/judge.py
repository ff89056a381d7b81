"""Reading a file of tasks with expected facts, and judging answers against them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Outcome = Literal["right", "wrong", "abstained"]


class TaskFileError(Exception):
    """The file of tasks can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class ExpectedTask:
    """`facts`: each must be in the answer, in one of its spellings. `sources`: each must be cited."""

    id: str
    request: str
    answerable: bool
    facts: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskFile:
    demo: str
    tasks: tuple[ExpectedTask, ...]

    @property
    def demo_task(self) -> ExpectedTask:
        return next(task for task in self.tasks if task.id == self.demo)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`sources_right` is about answered tasks with expected sources; None where it does not apply."""

    task: ExpectedTask
    outcome: Outcome
    facts_found: int
    sources_right: bool | None
    seconds: float

    @property
    def right(self) -> bool:
        return self.outcome == "right"


@dataclass(frozen=True, slots=True)
class Score:
    facts_right: int
    facts: int
    sources_right: int
    abstained_right: int
    unanswerable: int
    right: int
    wrong: int
    abstained: int


def read_tasks(path: Path) -> TaskFile:
    """Raises TaskFileError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        tasks = tuple(_task(entry) for entry in raw["tasks"])
        demo = raw["demo"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise TaskFileError(f"{path} is not a file of tasks: {error!r}") from error
    if demo not in {task.id for task in tasks}:
        raise TaskFileError(f"{path}: demo names {demo!r}, which is not among the tasks")
    return TaskFile(demo, tasks)


def _task(entry: dict[str, Any]) -> ExpectedTask:
    return ExpectedTask(
        id=entry["id"],
        request=entry["request"],
        answerable=entry["answerable"],
        facts=tuple(tuple(spellings) for spellings in entry["facts"]),
        sources=tuple(entry["sources"]),
    )


def judge(
    task: ExpectedTask, answer: str | None, *, abstained: bool, cited: Sequence[str], seconds: float
) -> Judgement:
    """`cited` holds the names of the documents behind verified citations."""
    folded = fold(answer or "")
    found = sum(any(fold(spelling) in folded for spelling in spellings) for spellings in task.facts)
    sources = set(task.sources) <= set(cited) if task.answerable and not abstained else None
    return Judgement(task, _outcome(task, found, abstained=abstained), found, sources, seconds)


def _outcome(task: ExpectedTask, found: int, *, abstained: bool) -> Outcome:
    if abstained:
        return "abstained"
    return "right" if task.answerable and found == len(task.facts) else "wrong"


def fold(text: str) -> str:
    """Case and runs of white space don't count."""
    return " ".join(text.casefold().split())


def score(judgements: Sequence[Judgement]) -> Score:
    answerable = [judgement for judgement in judgements if judgement.task.answerable]
    unanswerable = [judgement for judgement in judgements if not judgement.task.answerable]
    outcomes = [judgement.outcome for judgement in judgements]
    return Score(
        facts_right=sum(judgement.right for judgement in answerable),
        facts=len(answerable),
        sources_right=sum(judgement.sources_right is True for judgement in answerable),
        abstained_right=sum(judgement.outcome == "abstained" for judgement in unanswerable),
        unanswerable=len(unanswerable),
        right=outcomes.count("right"),
        wrong=outcomes.count("wrong"),
        abstained=outcomes.count("abstained"),
    )
