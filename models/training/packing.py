"""Documents of many lengths laid end to end in rows, so that little of a batch is padding.

Owns which document lies where and in which order they come. Knows no words and no network.

Shape letters: B rows, T places of a row, M places whose token is learnt, N = B * T.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

PADDING = -1
_MULTIPLE = 32  # of a row's length: few lengths, for each of which the matrix library makes its code anew
_WINDOW = 64  # rows that documents are fitted into together: all of an epoch would sort it by length


class Document(Protocol):
    """`learn` says of each token whether it is to be predicted; the first never is. `asked`: where in it a
    question about given documents begins, if there is one."""

    @property
    def tokens(self) -> Sequence[int]: ...

    @property
    def learn(self) -> Sequence[bool]: ...

    @property
    def asked(self) -> int | None: ...


class Span(NamedTuple):
    """Places `start` … `stop` of a row: one document."""

    row: int
    start: int
    stop: int


@dataclass(frozen=True)
class Rows:
    """`documents_BT` is the index of the place's document among those given, PADDING behind the last of a row.
    `positions_BT` restart in each document; `learn_BT` marks the tokens to be predicted. `asked`: of the
    document of each span."""

    tokens_BT: Tensor
    positions_BT: Tensor
    documents_BT: Tensor
    learn_BT: Tensor
    spans: tuple[Span, ...]
    asked: tuple[int | None, ...]

    @cached_property
    def targets_N(self) -> Tensor:
        """Flat places of learnt tokens, ascending."""
        return self.learn_BT.flatten().nonzero().flatten()

    @property
    def sources_M(self) -> Tensor:
        """Flat places whose hidden states predict the learnt tokens: one before each."""
        return self.targets_N - 1

    @property
    def targets_M(self) -> Tensor:
        return self.tokens_BT.flatten()[self.targets_N]

    @property
    def learnt_documents_M(self) -> Tensor:
        return self.documents_BT.flatten()[self.targets_N]

    @property
    def tokens(self) -> int:
        """Without padding."""
        return sum(span.stop - span.start for span in self.spans)

    @property
    def learnt(self) -> int:
        return len(self.targets_N)


def rows_of(documents: Sequence[Document], row_tokens: int | None = None) -> Rows:
    """All of `documents` in as few rows of `row_tokens` as first fit decreasing finds; None: in one row."""
    lengths = [len(document.tokens) for document in documents]
    return laid_out(documents, first_fit(lengths, row_tokens or sum(lengths)))


def laid_out(documents: Sequence[Document], rows: Sequence[Sequence[int]]) -> Rows:
    """`rows`: the documents of each, by index."""
    longest = max(sum(len(documents[index].tokens) for index in row) for row in rows)
    shape = (len(rows), -(-longest // _MULTIPLE) * _MULTIPLE)
    tokens_BT, positions_BT = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    documents_BT, learn_BT = torch.full(shape, PADDING), torch.zeros(shape, dtype=torch.bool)
    spans = []
    for number, row in enumerate(rows):
        stops = [0]
        for index in row:
            stops.append(stops[-1] + len(documents[index].tokens))
        for index, (start, stop) in zip(row, pairwise(stops), strict=True):
            tokens_BT[number, start:stop] = torch.tensor(documents[index].tokens)
            positions_BT[number, start:stop] = torch.arange(stop - start)
            documents_BT[number, start:stop] = index
            learn_BT[number, start:stop] = torch.tensor(documents[index].learn)
            learn_BT[number, start] = False  # nothing of its document predicts it
            spans.append(Span(number, start, stop))
    asked = tuple(documents[index].asked for row in rows for index in row)
    return Rows(tokens_BT, positions_BT, documents_BT, learn_BT, tuple(spans), asked)


def first_fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Indices by bin: the longest first, each into the first bin that has room; equals in their given order."""
    bins: list[list[int]] = []
    free: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        assert 0 < lengths[index] <= room
        place = next((at for at, left in enumerate(free) if left >= lengths[index]), None)
        if place is None:
            place = len(bins)
            bins.append([])
            free.append(room)
        bins[place].append(index)
        free[place] -= lengths[index]
    return bins


class Order:
    """Which documents make which step: the same for the same seed, whatever was asked before.

    Each epoch takes every document once, in an order of its own. A step takes `batch_tokens // row_tokens` rows,
    at least one; rows that an epoch leaves over go on into the next.
    """

    def __init__(self, lengths: Sequence[int], *, row_tokens: int, batch_tokens: int, seed: int) -> None:
        assert lengths
        self._lengths = lengths
        self._row_tokens = row_tokens
        self._rows = max(1, batch_tokens // row_tokens)
        self._seed = seed
        self._epochs: list[list[list[int]]] = []
        self._starts = [0]

    def step(self, number: int) -> list[list[int]]:
        """Rows of document indices of the `number`-th step, from 0."""
        return [self._row(number * self._rows + at) for at in range(self._rows)]

    def _row(self, number: int) -> list[int]:
        while self._starts[-1] <= number:
            epoch = list(self._epoch(len(self._epochs)))
            self._epochs.append(epoch)
            self._starts.append(self._starts[-1] + len(epoch))
        at = next(at for at, (_, stop) in enumerate(pairwise(self._starts)) if number < stop)
        return self._epochs[at][number - self._starts[at]]

    def _epoch(self, number: int) -> Iterator[list[int]]:
        draw = random.Random(f"{self._seed} {number}")  # noqa: S311 - an order, no secret
        order = list(range(len(self._lengths)))
        draw.shuffle(order)
        for part in self._windows(order):
            bins = first_fit([self._lengths[index] for index in part], self._row_tokens)
            draw.shuffle(bins)
            yield from ([part[at] for at in row] for row in bins)

    def _windows(self, order: Sequence[int]) -> Iterator[list[int]]:
        part: list[int] = []
        held = 0
        for index in order:
            part.append(index)
            held += self._lengths[index]
            if held >= _WINDOW * self._row_tokens:
                yield part
                part, held = [], 0
        if part:
            yield part
