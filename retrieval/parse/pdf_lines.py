"""The lines of a PDF page as PDFium reads them, each measured: where it stands and how large its type is.

Two letters of a line are measured, all its words only where it may be a row of cells. Measures are in points from
the upper left corner of the page as it is shown.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium

from secretariat.retrieval.parse.pdf_ruler import FARTHEST, Boxes, Ruler
from secretariat.retrieval.parse.text import squash

# PDFium puts U+FFFE where a word is broken at a line's end.
_LINE = re.compile("[^\r\n\ufffe]+\ufffe?")
_BREAKS = "\ufffe\u00ad\x02"
_BLANK = _BREAKS + " \t\xa0"
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_STOPS = ".!?:;"
_EDGE = 0.09  # share of the page's height
_GAP = 1.2  # times the type's height; justified lines stretch a space to half of it
_LONG = 40  # letters; shorter lines are few and may be rows
_WIDER = 1.04
_MUCH_WIDER = 1.6
_USUAL = 0.4  # width of a letter in heights of the type, where a page has too few to tell


@dataclass(slots=True)
class Cell:
    """A stretch of a line without wide gaps; `left` and `right` in points."""

    text: str
    left: float
    right: float


@dataclass(slots=True, eq=False)
class Line:
    """`size` is the height of the type; `cells` are there only for a row of several."""

    page: int
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    at_edge: bool
    cells: Sequence[Cell] = ()

    @property
    def ends_sentence(self) -> bool:
        return self.text[-1] in _STOPS or bool(_ENDS.search(self.text[-8:]))


@dataclass(slots=True)
class Page:
    """What PDFium reads of a page; `number` counts from 1."""

    number: int
    width: float
    height: float
    lines: list[Line]
    letters: int


def read_page(page: pdfium.PdfPage, number: int) -> Page:
    """Lines in the order of the content, which is mostly that of reading."""
    width, height = (side if 0 <= side <= FARTHEST else 0.0 for side in page.get_size())
    text_page = page.get_textpage()
    ruler = Ruler(page, text_page)
    found = _Stretches(ruler.text)
    lines = _measured(found, ruler, number, height) if found.bodies else []
    text_page.close()
    return Page(number, width, height, lines, len(ruler.text.strip()))


def placed_lines(page: int, texts: Sequence[str], boxes: Boxes, height: float) -> list[Line]:
    """`height` is the page's. Places are kept to a tenth of a point."""
    tops, bottoms = boxes[:, 1], boxes[:, 3]
    middle = (tops + bottoms) / (2 * max(1.0, height))
    at_edge = (middle <= _EDGE) | (middle >= 1 - _EDGE)  # where headers and footers stand
    sizes = np.round(np.maximum(1.0, bottoms - tops), 1).tolist()
    sides = np.round(boxes, 1).tolist()
    return [
        Line(page, text, left, top, right, bottom, size, edge)
        for text, (left, top, right, bottom), size, edge in zip(
            texts, sides, sizes, at_edge.tolist(), strict=True
        )
    ]


class _Stretches:
    """The lines of a page's text without the blanks at their ends; `ends` are the places after them.

    `broken` says whether the last word of a line goes on in the next one.
    """

    def __init__(self, text: str) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.bodies: list[str] = []
        self.broken: list[bool] = []
        for match in _LINE.finditer(text):
            content = match[0]
            body = content.rstrip(_BLANK)
            if not body or body.isspace():
                continue
            end = match.start() + len(body)
            self.broken.append(len(body) < len(content) and content[len(body)] in _BREAKS)
            body = body.lstrip()
            self.starts.append(end - len(body))
            self.ends.append(end)
            self.bodies.append(body)
        self._tidy = _is_tidy(text)

    def contents(self) -> list[str]:
        """The words of each line as they are shown."""
        words = self.bodies if self._tidy else [squash(body) for body in self.bodies]
        return [
            body + "-" if broken and body else body for body, broken in zip(words, self.broken, strict=True)
        ]


def _is_tidy(text: str) -> bool:
    """Would squashing change none of its lines?"""
    if "  " in text or not text.replace("\r\n", "").replace("\ufffe", "").isprintable():
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def _measured(found: _Stretches, ruler: Ruler, number: int, height: float) -> list[Line]:
    boxes = _boxes(ruler.boxes([*found.starts, *(end - 1 for end in found.ends)]))
    maybe = _may_be_rows(found, boxes, ruler)
    lines: list[Line] = []
    placed = placed_lines(number, found.contents(), boxes, height)
    for index, line in enumerate(placed):
        if not line.text:
            continue
        if maybe[index] or (lines and lines[-1].cells):
            line.cells = _cells(ruler, found.bodies[index], found.starts[index], _GAP * line.size)
            if found.broken[index] and line.cells:
                line.cells[-1].text += "-"
        lines.append(line)
    return lines


def _boxes(letters: Boxes) -> Boxes:
    """Of lines, of which the first half of `letters` are the first and the other half the last ones."""
    first, last = np.split(letters, 2)
    boxes = first.copy()
    boxes[:, 2] = np.maximum(first[:, 2], last[:, 2])
    apart = np.abs(last[:, 3] - first[:, 3]) >= np.maximum(1.0, first[:, 3] - first[:, 1])  # not on one line
    boxes[:, 1] = np.where(apart, np.minimum(first[:, 1], last[:, 1]), first[:, 1])
    boxes[:, 3] = np.where(apart, np.maximum(first[:, 3], last[:, 3]), first[:, 3])
    return boxes


def _may_be_rows(found: _Stretches, boxes: Boxes, ruler: Ruler) -> list[bool]:
    """A gap makes a line wider than its letters, and mostly lies between two of the page's text objects."""
    lengths = np.fromiter(map(len, found.bodies), dtype=np.int64, count=len(found.bodies))
    heights = boxes[:, 3] - boxes[:, 1]
    stretch = (boxes[:, 2] - boxes[:, 0]) / np.maximum(1.0, heights) / lengths
    long = lengths >= _LONG
    of_long = np.sort(stretch[long])
    usual = float(of_long[len(of_long) // 2]) if len(of_long) else _USUAL
    wide = stretch > _MUCH_WIDER * usual
    suspect = np.flatnonzero(~wide & (~long | (stretch >= _WIDER * usual)))
    maybe: list[bool] = wide.tolist()
    for index in suspect.tolist():
        body = found.bodies[index]
        if " " in body:
            gap = ruler.widest_gap(found.starts[index], len(body))
            maybe[index] = gap > _GAP * heights[index]
    return [known and " " in body for known, body in zip(maybe, found.bodies, strict=True)]


def _cells(ruler: Ruler, body: str, start: int, gap: float) -> Sequence[Cell]:
    """The line cut where its gaps are wider than any between words: the cells of a table's row."""
    blanks = list(re.finditer(r"\s+", body))
    if not blanks:
        return ()
    before = [start, *(start + blank.end() for blank in blanks)]
    after = [*(start + blank.start() - 1 for blank in blanks), start + len(body) - 1]
    lefts, rights = (ends.tolist() for ends in np.split(ruler.boxes([*before, *after])[:, [0, 2]], 2))
    cells: list[Cell] = []
    begin, left = 0, lefts[0][0]
    for blank, (_, right), (next_left, _) in zip(blanks, rights, lefts[1:], strict=False):
        if next_left - right > gap:
            cells.append(Cell(squash(body[begin : blank.start()]), left, right))
            begin, left = blank.end(), next_left
    return [*cells, Cell(squash(body[begin:]), left, rights[-1][1])] if cells else ()
