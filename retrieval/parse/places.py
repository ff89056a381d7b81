"""The lines of a document and where they stand, packed: 28 bytes a line on their way from the child.

A document has tens of thousands of lines, and hardly ever is one of them looked at before they are stored.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from secretariat.retrieval.core import Box, PlacedLine, Span

_COLUMNS = 7  # start, end, page; left, top, right, bottom
_PLACES = 3
_TENTHS = 10.0


def pack(lines: "array[float]") -> bytes:
    """Of start, end, page, left, top, right, bottom of each line in turn, sides in points."""
    table = np.array(lines, dtype=np.float64).reshape(-1, _COLUMNS)
    table[:, _PLACES:] = np.rint(table[:, _PLACES:] * _TENTHS)
    return table.astype("<i4").tobytes()


class PlacedLines(Sequence[PlacedLine]):
    """What `pack` packed; a line is made when it is looked at."""

    def __init__(self, packed: bytes | bytearray, length: int) -> None:
        """For a text of `length` characters. Raises ValueError for what can't be its lines."""
        self._table = np.frombuffer(packed, dtype="<i4").reshape(-1, _COLUMNS)
        starts, ends = self._table[:, 0], self._table[:, 1]
        if ((starts < 0) | (starts > ends) | (ends > length)).any() or (starts[1:] < ends[:-1]).any():
            raise ValueError("a span outside the text, or two that overlap")

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> PlacedLine: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PlacedLine, ...]: ...

    def __getitem__(self, index: int | slice) -> PlacedLine | tuple[PlacedLine, ...]:
        if isinstance(index, slice):
            return tuple(self[one] for one in range(*index.indices(len(self))))
        return _line(self._table[index].tolist())

    def __iter__(self) -> Iterator[PlacedLine]:
        return map(_line, self._table.tolist())


def _line(row: Sequence[int]) -> PlacedLine:
    start, end, page, *sides = row
    left, top, right, bottom = (side / _TENTHS for side in sides)
    return PlacedLine(Span(start, end), page, Box(left, top, right, bottom))
