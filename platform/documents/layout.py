"""Where the lines of a document's text stand on its pages: how that is stored, and what a span covers.

The stored form is JSON {"pages": [[number, width, height]], "lines": [[start, end, page, left, top, right,
bottom]], "blocks": [[kind, start, end]]}, sizes in points. Knows no SQL; the JSON lies in `contents`, because
positions of words tell of the words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """`sizes` are width and height of pages in points, by page number."""

    sizes: Mapping[int, tuple[float, float]]
    lines: tuple[PlacedLine, ...]
    blocks: tuple[Block, ...]

    def boxes(self, span: Span) -> tuple[PlacedBox, ...]:
        """The boxes of all lines that the span touches, whole, in the order of the text."""
        touched = [line for line in self.lines if line.span.start < span.end and span.start < line.span.end]
        touched.sort(key=lambda line: line.span.start)
        return tuple(PlacedBox(line.page, line.box) for line in touched)


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
        lines=tuple(
            PlacedLine(Span(start, end), page, Box(*sides)) for start, end, page, *sides in stored["lines"]
        ),
        blocks=tuple(Block(kind, Span(start, end)) for kind, start, end in stored["blocks"]),
    )


def page_of(pages: Sequence[Mapping[str, Any]], at: int) -> int | None:
    """The page (Document.pages) on which the character at `at` stands; None for formats without pages."""
    for page in pages:
        if page["start"] <= at < page["end"]:
            return int(page["number"])
    return None
