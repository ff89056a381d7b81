"""Measured lines back into headings, paragraphs, lists and tables.

Owns the guesses that a format without structure needs: larger type is a heading; a gap, a bullet or a short
last line ends a paragraph; aligned stretches are cells; what most pages repeat at their edge is no content.
Knows nothing of PDFium.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from secretariat.retrieval.parse import reflow
from secretariat.retrieval.parse.pdf_lines import Line
from secretariat.retrieval.parse.text import TextBuilder

_DIGITS = re.compile(r"\d+")
_HEADING_RATIO = 1.12
_HEADING_LENGTH = 200
_ALIGNED = 3.0


def without_running_lines(lines: Sequence[Line]) -> list[Line]:
    """Without page headers, footers and page numbers: what most pages hold at their edge."""
    pages = len({line.page for line in lines})
    largest = body_size(lines) * _HEADING_RATIO
    edges = {line for line in lines if line.at_edge and line.size <= largest}
    seen = Counter(key for _, key in {(line.page, _running_key(line)) for line in edges})
    often = max(2, pages // 2 + 1)
    return [line for line in lines if line not in edges or seen[_running_key(line)] < often]


def _running_key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text), round(line.baseline / 4)


def body_size(lines: Sequence[Line]) -> float:
    """The height of type that most letters have; 0 without lines."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


class Layout:
    """Writes the lines of a document, in order, as the blocks they were."""

    def __init__(self, lines: Sequence[Line], builder: TextBuilder) -> None:
        self._lines = lines
        self._builder = builder
        self._words = reflow.vocabulary(line.text for line in lines)
        body = body_size(lines)
        larger = {round(line.size, 1) for line in lines if line.size > body * _HEADING_RATIO}
        self._levels = {size: min(rank, 6) for rank, size in enumerate(sorted(larger, reverse=True), 1)}
        self._leading = _usual_leading(lines)
        self._margins = _margins(lines)
        self._page = 0

    def write(self) -> None:
        before: Line | None = None
        for group in self._groups():
            self._turn_to(group[0].page)
            if isinstance(group, Table):
                for row in group.rows:
                    self._builder.row([reflow.join(cell, self._words) for cell in row])
            else:
                self._write_block(group, continued=before is not None and self._goes_on(before, group[0]))
            before = group[-1]

    def _groups(self) -> "Iterator[list[Line] | Table]":
        group: list[Line] | Table = []
        for line in self._lines:
            if isinstance(group, Table):
                if group.accepts(line):
                    group.append(line)
                    continue
            elif group and line.page == group[-1].page and self._goes_on(group[-1], line):
                group.append(line)
                continue
            if group:
                yield group
            group = Table(line) if line.is_row else [line]
        if group:
            yield group

    def _turn_to(self, page: int) -> None:
        if page != self._page:
            self._page = page
            self._builder.page(page)

    def _write_block(self, group: Sequence[Line], *, continued: bool) -> None:
        first = group[0]
        text = reflow.join([line.text for line in group], self._words)
        level = self._levels.get(round(first.size, 1))
        if continued:
            self._builder.continuation(text)
        elif level and len(text) <= _HEADING_LENGTH:
            self._builder.heading(text, level)
        elif reflow.BULLET.match(text) or (len(group) == 1 and not first.ends_sentence):
            self._builder.line(text)
        else:
            self._builder.paragraph(text)

    def _goes_on(self, before: Line, line: Line) -> bool:
        """Does `line` belong to the paragraph that `before` is in?"""
        apart = before.is_row or line.is_row or reflow.BULLET.match(line.text)
        if apart or abs(before.size - line.size) > 0.08 * before.size:
            return False
        if (
            line.page != before.page or line.baseline > before.baseline + before.size
        ):  # another page or column
            open_end = not before.ends_sentence
            return open_end and (line.text[:1].islower() or self._filled(before) > 0.8)
        if before.baseline - line.baseline > 1.3 * self._leading * line.size:
            return False
        return before.text.endswith("-") or self._filled(before) > (0.8 if before.ends_sentence else 0.5)

    def _filled(self, line: Line) -> float:
        left, right = self._margins[line.page]
        return (line.right - left) / max(1.0, right - left)


class Table(list[Line]):
    """Rows over the columns that its first line sets; cells come row by row, one or more lines each."""

    def __init__(self, first: Line) -> None:
        super().__init__()
        self._columns = [cell.left for cell in first.cells]
        self._last_column = 0
        self._lowest = first.baseline
        self.rows: list[list[list[str]]] = []
        self.append(first)

    def accepts(self, line: Line) -> bool:
        first = self[0]
        if line.page != first.page or abs(line.size - first.size) > 0.1 * first.size:
            return False
        if line.baseline > first.baseline or line.baseline < self._lowest - 3 * line.size:
            return False
        return all(self._column(cell.left, cell.right) is not None for cell in line.cells)

    def append(self, line: Line) -> None:
        super().append(line)
        self._lowest = min(self._lowest, line.baseline)
        for cell in line.cells:
            column = self._column(cell.left, cell.right) or 0
            if not self.rows or column == 0 < self._last_column:
                self.rows.append([[] for _ in self._columns])
            self.rows[-1][column].append(cell.text)
            self._last_column = column

    def _column(self, left: float, right: float) -> int | None:
        for index, start in enumerate(self._columns):
            end = self._columns[index + 1] if index + 1 < len(self._columns) else None
            if abs(left - start) <= _ALIGNED and (end is None or right <= end + _ALIGNED):
                return index
        return None


def _usual_leading(lines: Sequence[Line]) -> float:
    """Distance of baselines in heights of the type, as most lines keep it."""
    drops = [
        (before.baseline - line.baseline) / line.size
        for before, line in pairwise(lines)
        if before.page == line.page and abs(before.size - line.size) < 0.1
    ]
    return min(2.0, max(1.0, median([drop for drop in drops if 0.5 < drop < 3.0] or [1.2])))


def _margins(lines: Sequence[Line]) -> dict[int, tuple[float, float]]:
    margins: dict[int, tuple[float, float]] = {}
    for line in lines:
        left, right = margins.get(line.page, (line.left, line.right))
        margins[line.page] = (min(left, line.left), max(right, line.right))
    return margins
