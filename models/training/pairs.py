"""Pairs of answers as rows: both answers of a pair are in one row, so that a loss over pairs is a sum over rows.

Owns the order in which pairs come, which don't fit, and how far the pairs held out are agreed with. What makes one
answer better than the other is the recipe's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from secretariat.models.nets.load import LoadedChat
from secretariat.models.training.examples import Example, Preference, read_preferences
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.packing import Order, Rows, first_fit, laid_out
from secretariat.models.training.preferences import agreement, preference_losses
from secretariat.models.training.run import HELD_OUT


@dataclass(frozen=True)
class PairRows:
    """Document 2p of `rows` is the chosen answer of the p-th pair, document 2p + 1 the rejected one."""

    rows: Rows
    pairs: int


class Pairs:
    """In the order that the job's seed gives. Raises ModelError("training_invalid") where less than half of them
    fit into rows."""

    def __init__(self, preferences: Sequence[Preference], job: Job) -> None:
        pairs = [preference.pair for preference in preferences]
        fitting = [pair for pair in pairs if _length(pair) <= job.row_tokens]
        if not fitting or 2 * len(fitting) < len(pairs):
            raise invalid(
                "row_tokens",
                f"= {job.row_tokens} has no room for both answers, each with its prompt, in"
                f" {len(pairs) - len(fitting)} of {len(pairs)} pairs",
            )
        self._pairs = fitting
        self._job = job
        self._order = Order(
            self._lengths, row_tokens=job.row_tokens, batch_tokens=job.batch_tokens, seed=job.seed
        )

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def _lengths(self) -> list[int]:
        return [_length(pair) for pair in self._pairs]

    def step(self, number: int) -> list[PairRows]:
        return [self._row(row) for row in self._order.step(number)]

    def everything(self) -> list[PairRows]:
        """Each pair once."""
        return [self._row(row) for row in first_fit(self._lengths, self._job.row_tokens)]

    def _row(self, row: Sequence[int]) -> PairRows:
        documents = [example for index in row for example in self._pairs[index]]
        return PairRows(laid_out(documents, [range(len(documents))]), len(row))


def _length(pair: tuple[Example, Example]) -> int:
    return sum(len(example.tokens) for example in pair)


def read_pairs(job: Job, chat: LoadedChat) -> tuple[Pairs, Pairs | None]:
    """To learn from, and those held out, if there are any. Raises ModelError("training_invalid")."""

    def read(paths: Sequence[str]) -> Pairs:
        return Pairs(read_preferences([Path(path) for path in paths], chat), job)

    return read(job.data), read(job.held_out) if job.held_out else None


class OverPairs(ABC):
    """What objectives over pairs share. A part of a batch is one row of P pairs."""

    margin = 0.0

    def __init__(self, pairs: Pairs, held_out: Pairs | None) -> None:
        self._pairs = pairs
        self._held_out = [] if held_out is None else held_out.everything()
        self.count = 1

    @abstractmethod
    def leads(self, part: PairRows) -> Tensor:
        """[P]: by how much each pair's chosen answer is ahead."""

    def batch(self, step: int) -> list[PairRows]:
        """`count` is then how many pairs the step has."""
        parts = self._pairs.step(step)
        self.count = sum(part.pairs for part in parts)
        return parts

    def held_out(self) -> Mapping[str, float] | None:
        if not self._held_out:
            return None
        loss, agreed, count = 0.0, 0.0, 0
        for part in self._held_out:
            lead_P = self.leads(part)
            loss += float(preference_losses(lead_P, self.margin).sum())
            agreed += agreement(lead_P)
            count += part.pairs
        return {HELD_OUT: loss / count, "held_out_agreement": agreed / count}
