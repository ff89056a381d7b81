"""What each expert by itself is worth on the mixed requests: asked once, whichever parts are measured."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from benchmarks.experts.answering import Answering
from benchmarks.experts.tasks import REQUESTS, Task, tasks, team, worth

Scores = npt.NDArray[np.float64]


def judged() -> list[Task]:
    """Of the mixed requests those whose right answer is known."""
    return [task for task in tasks(REQUESTS) if task.judged]


def scores_alone(names: Sequence[str]) -> Scores:
    """[judged requests, experts], 0 … 1. An expert without an adapter is the base."""
    return np.array([_alone(name) for name in names]).T


@cache
def _alone(name: str) -> Sequence[float]:
    ours = team()
    folder = ours.adapters.get(name)
    with Answering(ours.model, {} if folder is None else {name: folder}) as model:
        return scores(model, judged(), None if folder is None else name)


def scores(model: Answering, asked: Sequence[Task], adapter: str | None = None) -> list[float]:
    return [worth(task, result) for task, result in zip(asked, model.answers(asked, adapter), strict=True)]
