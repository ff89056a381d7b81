"""Measured lines back into headings, paragraphs, lists and tables, each line's place kept.

Owns the guesses that a format without structure needs: larger type is a heading; a gap, a bullet or a short
last line ends a paragraph; aligned stretches are cells; what most pages repeat at their edge is no content.
Knows nothing of PDFium.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import median

from secretariat.retrieval.core import CELLS_APART
from secretariat.retrieval.parse import reflow
from secretariat.retrieval.parse.pdf_lines import Line
from secretariat.retrieval.parse.pdf_table import Table
from secretariat.retrieval.parse.text import TextBuilder

_DIGITS = re.compile(r"\d+")
_HEADING_RATIO = 1.12
_HEADING_LENGTH = 200

Sizes = Mapping[int, tuple[float, float]]
"""Width and height of each page in points."""


def without_running_lines(lines: Sequence[Line]) -> list[Line]:
    """Without page headers, footers and page numbers: what most pages hold at their edge, beside others."""
    pages = len({line.page for line in lines})
    largest = body_size(lines) * _HEADING_RATIO
    keys = {
        index: _running_key(line) for index, line in enumerate(lines) if line.at_edge and line.size <= largest
    }
    seen = Counter(key for _, key in {(lines[index].page, key) for index, key in keys.items()})
    often = max(2, pages // 2 + 1)
    running = {index for index, key in keys.items() if seen[key] >= often}
    others = {line.page for index, line in enumerate(lines) if index not in running}
    return [line for index, line in enumerate(lines) if index not in running or line.page not in others]


def _running_key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text), round(line.bottom / 4)


def body_size(lines: Sequence[Line]) -> float:
    """The height of type that most letters have; 0 without lines."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


class Layout:
    """Writes the lines of a document, in order, as the blocks they were."""

    def __init__(self, lines: Sequence[Line], sizes: Sizes, builder: TextBuilder) -> None:
        self._lines = lines
        self._sizes = sizes
        self._builder = builder
        self._words = reflow.Vocabulary(line.text for line in lines)
        body = body_size(lines)
        larger = {line.size for line in lines if line.size > body * _HEADING_RATIO}
        self._levels = {size: min(rank, 6) for rank, size in enumerate(sorted(larger, reverse=True), 1)}
        self._leading = _usual_leading(lines)
        self._margins = _margins(lines)

        self._page = 0

    def write(self) -> None:
        before: Line | None = None
        for group in self._groups():
            first = group[0]
            if first.page != self._page:
                self._page = first.page
                self._builder.page(self._page, *self._sizes[self._page])
            if isinstance(group, Table):
                self._write_table(group)
            else:
                self._write_block(group, continued=before is not None and self._goes_on(before, first))
            before = group[-1]

    def _groups(self) -> "Iterator[list[Line] | Table]":
        group: list[Line] | Table = []
        table: Table | None = None
        before: Line | None = None
        for line in self._lines:
            if table is not None:
                goes_on = table.accepts(line)
            else:
                goes_on = before is not None and line.page == before.page and self._goes_on(before, line)
            if goes_on:
                group.append(line)
            else:
                if group:
                    yield group
                table = Table(line) if line.cells else None
                group = [line] if table is None else table
            before = line
        if group:
            yield group

    def _write_table(self, table: Table) -> None:
        self._builder.part()
        for row in table.rows:
            cells = [reflow.pieces([piece.text for piece in cell], self._words) for cell in row]
            start = self._builder.row(["".join(cell) for cell in cells], ready=True)
            for placed, texts in zip(row, cells, strict=True):
                for piece, text in zip(placed, texts, strict=True):
                    self._place(start, text, piece)
                    start += len(text)
                start += len(CELLS_APART)

    def _write_block(self, group: Sequence[Line], *, continued: bool) -> None:
        first = group[0]
        pieces = reflow.pieces([line.text for line in group], self._words)
        text = "".join(pieces)
        level = self._levels.get(first.size)
        if continued:
            start = self._builder.continuation(text, ready=True)
        elif level and len(text) <= _HEADING_LENGTH:
            start = self._builder.heading(text, level, ready=True)
        elif reflow.is_item(text):
            start = self._builder.line(text, ready=True, kind="list")
        elif len(group) == 1 and not first.ends_sentence:
            start = self._builder.line(text, ready=True)
        else:
            start = self._builder.paragraph(text, ready=True)
        for line, piece in zip(group, pieces, strict=True):
            self._place(start, piece, line)
            start += len(piece)

    def _place(self, start: int, piece: str, line: Line) -> None:
        end = start + len(piece.rstrip(" "))
        self._builder.place((start, end, line.page, line.left, line.top, line.right, line.bottom))

    def _goes_on(self, before: Line, line: Line) -> bool:
        """Does `line` belong to the paragraph that `before` is in?"""
        if before.cells or line.cells or abs(before.size - line.size) > 0.08 * before.size:
            return False
        if reflow.is_item(line.text):
            return False
        if line.page != before.page or line.bottom < before.bottom - before.size:  # another page or column
            open_end = not before.ends_sentence
            return open_end and (line.text[:1].islower() or self._filled(before) > 0.8)
        if line.bottom - before.bottom > 1.3 * self._leading * line.size:
            return False
        return before.text.endswith("-") or self._filled(before) > (0.8 if before.ends_sentence else 0.5)

    def _filled(self, line: Line) -> float:
        left, right = self._margins[line.page]
        return (line.right - left) / max(1.0, right - left)


def _usual_leading(lines: Sequence[Line]) -> float:
    """Distance of baselines in heights of the type, as most lines keep it."""
    drops = [
        drop
        for before, line in pairwise(lines)
        if before.page == line.page
        and abs(before.size - line.size) < 0.1
        and 0.5 < (drop := (line.bottom - before.bottom) / line.size) < 3.0
    ]
    return min(2.0, max(1.0, median(drops or [1.2])))


def _margins(lines: Sequence[Line]) -> dict[int, tuple[float, float]]:
    return {
        page: (min(line.left for line in on_it), max(line.right for line in on_it))
        for page, group in groupby(lines, key=attrgetter("page"))
        for on_it in [list(group)]
    }
