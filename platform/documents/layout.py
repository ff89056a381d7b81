"""Where the lines of a document's text stand on its pages: how that is stored, and what a span covers.

The stored form is JSON {"pages": [[number, width, height]], "lines": [[start, end, page, left, top, right,
bottom]], "blocks": [[kind, start, end]]}, sizes in points. Knows no SQL; the JSON lies in `contents`, because
positions of words tell of the words.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import itemgetter
from typing import Any

from secretariat.retrieval.core import Block, Box, ParsedDocument, PlacedLine, Span

_DIGITS = 2  # hundredths of a point are finer than any screen


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A rectangle on page `page`."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Layout:
    """`sizes`: width and height of pages in points, by page number. `lines` are as stored, in the text's order."""

    sizes: Mapping[int, tuple[float, float]]
    lines: Sequence[Sequence[float]]
    blocks: tuple[Block, ...]

    def boxes(self, span: Span) -> tuple[PlacedBox, ...]:
        """The boxes of all lines that the span touches, whole, in the order of the text."""
        first = bisect_right(self.lines, span.start, key=itemgetter(1))
        touched = takewhile(lambda line: line[0] < span.end, islice(self.lines, first, None))
        return tuple(PlacedBox(int(page), Box(*sides)) for _, _, page, *sides in touched)


NOTHING_PLACED = Layout({}, (), ())


def stored_layout(parsed: ParsedDocument) -> dict[str, Any] | None:
    """The JSON of what the parser found; None for formats without pages and without blocks."""
    if not parsed.lines and not parsed.blocks:
        return None
    return {
        "pages": [
            [page.number, round(page.width, _DIGITS), round(page.height, _DIGITS)]
            for page in parsed.pages
            if page.width and page.height
        ],
        "lines": [_stored_line(line) for line in parsed.lines],
        "blocks": [[block.kind, block.span.start, block.span.end] for block in parsed.blocks],
    }


def _stored_line(line: PlacedLine) -> list[float]:
    box = line.box
    sides = [round(side, _DIGITS) for side in (box.left, box.top, box.right, box.bottom)]
    return [line.span.start, line.span.end, line.page, *sides]


def layout_of(stored: Mapping[str, Any]) -> Layout:
    """What `stored_layout` wrote."""
    return Layout(
        sizes={number: (width, height) for number, width, height in stored["pages"]},
        lines=stored["lines"],
        blocks=tuple(Block(kind, Span(start, end)) for kind, start, end in stored["blocks"]),
    )


def page_of(pages: Sequence[Mapping[str, Any]], at: int) -> int | None:
    """The page (Document.pages) on which the character at `at` stands; None for formats without pages."""
    for page in pages:
        if page["start"] <= at < page["end"]:
            return int(page["number"])
    return None
