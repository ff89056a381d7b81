"""Pairs of answers as rows: both answers of a pair are in one row, so that a loss over pairs is a sum over rows.

Owns the order in which pairs come and which don't fit. Knows no losses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.models.training.examples import Example, Preference
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.packing import Order, Rows, first_fit, laid_out


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
