"""Rounds of answers to learn from: to which tasks, what was drawn, what it is worth; kept on disk once made.

A round follows from the weights it was drawn with. One that is on disk is never drawn again: a run that was killed
goes on with the answers it had. Knows no gradients.

Shape letters: G tasks of a round, S answers to each.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from secretariat.models.training.examples import Example, Task, example
from secretariat.models.training.state import write_whole


@dataclass(frozen=True)
class Drawn:
    """An answer to the task of this index, its tokens with the one that ends it, and its worth."""

    task: int
    tokens: tuple[int, ...]
    ended: bool
    worth: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Round:
    """`answers`: all to the first task, then all to the next. `drawn_N`: log-probabilities of their tokens under
    the weights that drew them, in the order in which they are learnt from; empty where nobody asks."""

    answers: tuple[Drawn, ...]
    each: int
    drawn_N: tuple[float, ...] = field(default=())

    @property
    def worth_GS(self) -> Tensor:
        return torch.tensor([answer.worth for answer in self.answers]).view(-1, self.each)

    def told(self) -> dict[str, float]:
        """Means over its answers, each part of the worth over those it was judged of."""
        found = {
            "reward": _mean([answer.worth for answer in self.answers]),
            "ended": _mean([float(answer.ended) for answer in self.answers]),
            "answer_tokens": _mean([float(len(answer.tokens)) for answer in self.answers]),
        }
        for name in sorted({name for answer in self.answers for name in answer.parts}):
            judged = [answer.parts[name] for answer in self.answers if name in answer.parts]
            found[f"reward_{name}"] = _mean(judged)
        return found

    def examples(self, tasks: Sequence[Task]) -> list[Example]:
        return [
            example(task.prompt, answer.tokens, task.id, task.asked)
            for answer in self.answers
            for task in (tasks[answer.task],)
        ]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(1, len(numbers))


class Rounds:
    """Below `folder`, one file each; nothing is deleted while a run may need it."""

    def __init__(self, folder: Path, made: Callable[[int], Round]) -> None:
        self._folder = folder
        self._made = made

    def round(self, number: int) -> Round:
        path = self._folder / f"{number:06d}.json"
        if path.is_file():
            return _read(path)
        found = self._made(number)
        self._folder.mkdir(exist_ok=True)
        write_whole(path, json.dumps(asdict(found)))
        return found


def _read(path: Path) -> Round:
    values = json.loads(path.read_text(encoding="utf-8"))
    answers = tuple(Drawn(**{**answer, "tokens": tuple(answer["tokens"])}) for answer in values["answers"])
    return Round(answers, values["each"], tuple(values["drawn_N"]))


class TaskOrder:
    """Which tasks make which round: each epoch takes all of them once, in an order of its own."""

    def __init__(self, tasks: int, each_round: int, seed: int) -> None:
        assert tasks
        self._tasks = tasks
        self._each_round = each_round
        self._seed = seed

    def round(self, number: int) -> list[int]:
        first = number * self._each_round
        return [self._at(at) for at in range(first, first + self._each_round)]

    def _at(self, at: int) -> int:
        epoch, place = divmod(at, self._tasks)
        order = list(range(self._tasks))
        random.Random(f"{self._seed} {epoch}").shuffle(order)  # noqa: S311 - an order, no secret
        return order[place]
