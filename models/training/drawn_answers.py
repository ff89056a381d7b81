"""How probable drawn answers are to the network that learns: with their prompts, or behind prompts read once.

Shape letters: M tokens of answers in a row, in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.acting import Place
from secretariat.models.training.examples import Example
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import log_probs
from secretariat.models.training.packing import Rows, first_fit, laid_out
from secretariat.models.training.shared_prompts import Group, Prompts, grouped


class Row(Protocol):
    """`learnt_documents_M`: the index of each token's answer among those given."""

    @property
    def learnt_documents_M(self) -> Tensor: ...

    @property
    def tokens(self) -> int: ...

    @property
    def learnt(self) -> int: ...


class Reading(Protocol):
    def rows(self, answers: Sequence[Example], kept: Sequence[int]) -> Sequence[Row]:
        """Those of `kept`, by index."""
        ...

    def said(self, row: Row) -> Tensor:
        """[M] log-probabilities."""
        ...


class WithPrompts:
    """Every answer behind a prompt of its own."""

    def __init__(self, decoder: Decoder, place: Place, job: Job) -> None:
        self._decoder, self._place, self._job = decoder, place, job

    def rows(self, answers: Sequence[Example], kept: Sequence[int]) -> Sequence[Row]:
        packed = first_fit([len(answers[index].tokens) for index in kept], self._job.row_tokens)
        return [laid_out(answers, [[kept[at] for at in row]]) for row in packed]

    def said(self, row: Row) -> Tensor:
        assert isinstance(row, Rows)
        self._place(row)
        last_BTE = hidden(self._decoder, row, checkpoint=self._job.checkpoint)
        return log_probs(self._decoder, last_BTE, row)


@dataclass(frozen=True)
class Shared:
    """`whose`: the index of each example of the groups."""

    groups: tuple[Group, ...]
    whose: tuple[int, ...]

    @property
    def learnt_documents_M(self) -> Tensor:
        counts = [sum(example.learn) for group in self.groups for example in group.examples]
        return torch.tensor(self.whose).repeat_interleave(torch.tensor(counts))

    @property
    def tokens(self) -> int:
        return sum(group.tokens for group in self.groups)

    @property
    def learnt(self) -> int:
        return len(self.learnt_documents_M)


class BehindPrompts:
    """Answers to one prompt read it once, up to where the adapter begins to act. `header`: of an answer."""

    def __init__(self, decoder: Decoder, learnt: Learnt, header: int, job: Job) -> None:
        self._decoder, self._prompts = decoder, Prompts(decoder, learnt)
        self._header, self._job = header, job

    def rows(self, answers: Sequence[Example], kept: Sequence[int]) -> Sequence[Row]:
        numbers = {id(answers[index]): index for index in kept}
        room = self._job.row_tokens
        groups = grouped([answers[index] for index in kept], self._job.learn.acts, self._header, room)
        packed = first_fit([group.tokens for group in groups], room)
        found = [tuple(groups[at] for at in row) for row in packed]
        return [
            Shared(some, tuple(numbers[id(example)] for group in some for example in group.examples))
            for some in found
        ]

    def said(self, row: Row) -> Tensor:
        assert isinstance(row, Shared)
        last_BTE, rows = self._prompts.behind(row.groups)
        return log_probs(self._decoder, last_BTE, rows)
