"""Answers that an adapter learns where it acts late: prompts are read once up to there, without a way back.

Several examples may begin alike, with the same sources or tools: that beginning is read once a step. For recipes
whose adapter acts "question" or "answer". Knows no data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.nets.adapters import Acts, acts_from
from secretariat.models.nets.decoder import Decoder
from secretariat.models.training.carrying import Carried, Past
from secretariat.models.training.examples import Example
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import loss_sum
from secretariat.models.training.packing import Order, Rows, first_fit, laid_out
from secretariat.models.training.run import HELD_OUT, Measured

_MOST = 24  # examples that are read together
_WORTH = 0.5  # of a prompt, that must be alike


@dataclass(frozen=True)
class Group:
    """Examples whose first `shared` tokens are the same. `begins`: where in each the adapter begins to act."""

    examples: tuple[Example, ...]
    begins: tuple[int, ...]
    shared: int

    @property
    def tokens(self) -> int:
        """That are read, and learnt: what is shared once."""
        return self.shared + sum(len(example.tokens) - self.shared for example in self.examples)


def grouped(examples: Sequence[Example], acts: Acts, header: int, most_tokens: int) -> list[Group]:
    """`header`: of an answer, as `header_tokens`. A group of several is at most `most_tokens` long."""
    groups: list[Group] = []
    for example in sorted(examples, key=lambda example: list(example.tokens)):
        begin = acts_from(acts, example.learn.index(True), example.asked, header)
        joined = _joined(groups[-1], example, begin) if groups else None
        if joined is None or joined.tokens > most_tokens:
            groups.append(Group((example,), (begin,), begin))
        else:
            groups[-1] = joined
    return groups


def _joined(group: Group, example: Example, begin: int) -> Group | None:
    """None where too little is alike."""
    first = group.examples[0]
    alike = _alike(first.tokens[: group.shared], example.tokens[:begin])
    if len(group.examples) >= _MOST or alike < _WORTH * max(begin, group.begins[0]):
        return None
    return Group((*group.examples, example), (*group.begins, begin), alike)


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """Tokens at the beginning that are the same."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(second)))


class Prompts:
    """`learnt` is off where they are read."""

    def __init__(self, decoder: Decoder, learnt: Learnt) -> None:
        self._decoder, self._learnt = decoder, learnt

    def behind(self, groups: Sequence[Group]) -> tuple[Tensor, Rows]:
        """[B, T, E] hidden states of what follows each prompt, and the one row it lies in: the groups' examples in
        their order."""
        before = self._prompts(groups)
        rows = _row(
            [
                (example, begin, len(example.tokens))
                for group in groups
                for example, begin in zip(group.examples, group.begins, strict=True)
            ]
        )
        return hidden(self._decoder, rows, checkpoint=False, carried=Carried(before)), rows

    @torch.no_grad()
    def _prompts(self, groups: Sequence[Group]) -> list[Past]:
        """What the base keeps of each example's prompt."""
        with self._learnt.off():
            shared = self._read(
                [(group.examples[0], 0, group.shared) for group in groups], [{} for _ in groups]
            )
            asked = [
                (example, group.shared, begin, past)
                for group, past in zip(groups, shared, strict=True)
                for example, begin in zip(group.examples, group.begins, strict=True)
            ]
            return self._read([piece[:3] for piece in asked], [past for *_, past in asked])

    def _read(self, pieces: Sequence[tuple[Example, int, int]], before: Sequence[Past]) -> list[Past]:
        """Pieces of no tokens keep what was before."""
        found = list(before)
        some = [at for at, (_, first, stop) in enumerate(pieces) if first < stop]
        if some:
            carried = Carried([before[at] for at in some])
            hidden(self._decoder, _row([pieces[at] for at in some]), checkpoint=False, carried=carried)
            for at, past in zip(some, carried.after, strict=True):
                found[at] = past
        return found


class Answered:
    """An Objective. A part of a batch is the groups of one row."""

    def __init__(
        self, decoder: Decoder, learnt: Learnt, header: int, job: Job,
        examples: Sequence[Example], held_out: Sequence[Example],
    ) -> None:  # fmt: skip
        self._decoder, self._prompts = decoder, Prompts(decoder, learnt)
        self._groups = grouped(examples, job.learn.acts, header, job.row_tokens)
        self._order = Order(
            [group.tokens for group in self._groups],
            row_tokens=job.row_tokens,
            batch_tokens=job.batch_tokens,
            seed=job.seed,
        )
        others = grouped(held_out, job.learn.acts, header, job.row_tokens)
        rows = first_fit([group.tokens for group in others], job.row_tokens)
        self._held_out = [[others[index] for index in row] for row in rows]
        self._learnt = 1

    def batch(self, step: int) -> list[list[Group]]:
        parts = [[self._groups[index] for index in row] for row in self._order.step(step)]
        self._learnt = max(1, sum(map(_learnt, parts)))
        return parts

    def loss(self, part: list[Group]) -> Measured:
        return Measured(self._sum(part) / self._learnt, sum(group.tokens for group in part))

    def held_out(self) -> Mapping[str, float] | None:
        if not self._held_out:
            return None
        total = sum(float(self._sum(part)) for part in self._held_out)
        return {HELD_OUT: total / sum(map(_learnt, self._held_out))}

    def _sum(self, groups: Sequence[Group]) -> Tensor:
        last_BTE, rows = self._prompts.behind(groups)
        return loss_sum(self._decoder, last_BTE, rows)


def _row(pieces: Sequence[tuple[Example, int, int]]) -> Rows:
    """Tokens from … to of each example in one row, at the positions that they have in it."""
    cut = [
        Example(example.tokens[first:stop], example.learn[first:stop], example.id)
        for example, first, stop in pieces
    ]
    rows = laid_out(cut, [range(len(cut))])
    for span, (_, first, _) in zip(rows.spans, pieces, strict=True):
        rows.positions_BT[span.row, span.start : span.stop] += first
    return rows


def _learnt(groups: Sequence[Group]) -> int:
    return sum(sum(example.learn) for group in groups for example in group.examples)
