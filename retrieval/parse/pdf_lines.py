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
from numpy.typing import NDArray
from pypdfium2 import raw

from secretariat.retrieval.parse.pdf_ruler import FARTHEST, Boxes, Ruler
from secretariat.retrieval.parse.text import squash

# PDFium puts U+FFFE where a word is broken at a line's end.
_LINE = re.compile("[^\r\n\ufffe]+\ufffe?")
_BREAKS = "\ufffe\u00ad\x02"
_BLANK = _BREAKS + " \t\xa0"
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_STOPS = ".!?:;"
_BLANKS = re.compile(r"\s+")
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


class OpenPage:
    """A page and its text as PDFium holds them. Raises PdfiumError for one that can't be read."""

    def __init__(self, page: pdfium.PdfPage, number: int) -> None:
        self.page = page
        self.number = number
        self.width, self.height = (side if 0 <= side <= FARTHEST else 0.0 for side in page.get_size())
        self.text_page = page.get_textpage()
        self.letters = raw.FPDFText_CountChars(self.text_page)

    def close(self) -> None:
        self.text_page.close()
        self.page.close()


def read_pages(opened: Sequence[OpenPage]) -> list[Page]:
    """Lines in the order of the content, which is mostly that of reading.

    Several pages at a time: what is looked up for one is still at hand for the next.
    """
    rulers = [Ruler(one.page, one.text_page, one.letters) for one in opened]
    found = _Stretches([ruler.text for ruler in rulers])
    letters = [ruler.boxes(places) for ruler, places in zip(rulers, found.first_and_last(), strict=True)]
    boxes = _boxes(np.concatenate(letters).reshape(-1, 2, 4))
    numbers = [opened[owner].number for owner in found.owners]
    heights = np.array([one.height for one in opened])[found.owners]
    lines = placed_lines(numbers, found.contents, boxes, heights)
    maybe = _may_be_rows(found, boxes, rulers)
    pages = [
        Page(one.number, one.width, one.height, [], len(ruler.text.strip()))
        for one, ruler in zip(opened, rulers, strict=True)
    ]
    for index, line in enumerate(lines):
        if line.text:
            kept = pages[found.owners[index]].lines
            if maybe[index] or (kept and kept[-1].cells):
                line.cells = _cells(rulers[found.owners[index]], found, index, _GAP * line.size)
            kept.append(line)
    return pages


def placed_lines(
    pages: Sequence[int], texts: Sequence[str], boxes: Boxes, heights: float | NDArray[np.float64]
) -> list[Line]:
    """`heights` are those of the lines' pages. Places are kept to a tenth of a point."""
    tops, bottoms = boxes[:, 1], boxes[:, 3]
    middles = (tops + bottoms) / (2 * np.maximum(1.0, heights))
    at_edge = (middles <= _EDGE) | (middles >= 1 - _EDGE)  # where headers and footers stand
    sizes = np.round(np.maximum(1.0, bottoms - tops), 1)
    columns = (*np.round(boxes, 1).T.tolist(), sizes.tolist(), at_edge.tolist())
    return [Line(*values) for values in zip(pages, texts, *columns, strict=True)]


class _Stretches:
    """The lines of several pages' texts without the blanks at their ends; `ends` are the places after them.

    `contents` are their words as they are shown, `owners` say which of the pages a line is on, and `broken`
    whether the last word of a line goes on in the next one.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.bodies: list[str] = []
        self.broken: list[bool] = []
        self.contents: list[str] = []
        self.owners: list[int] = []
        self._pages = len(texts)
        for owner, text in enumerate(texts):
            self._cut(text)
            self.owners += [owner] * (len(self.bodies) - len(self.owners))

    def _cut(self, text: str) -> None:
        tidy = _is_tidy(text)
        for match in _LINE.finditer(text):
            content = match[0]
            body = content.rstrip(_BLANK)
            if not body or body.isspace():
                continue
            broken = len(body) < len(content) and content[len(body)] in _BREAKS
            end = match.start() + len(body)
            body = body.lstrip()
            words = body if tidy else squash(body)
            self.starts.append(end - len(body))
            self.ends.append(end)
            self.bodies.append(body)
            self.broken.append(broken)
            self.contents.append(words + "-" if broken and words else words)

    def first_and_last(self) -> list[list[int]]:
        """For each page the places of the first and the last letter of its lines, in turn."""
        places: list[list[int]] = [[] for _ in range(self._pages)]
        for owner, start, end in zip(self.owners, self.starts, self.ends, strict=True):
            places[owner] += (start, end - 1)
        return places


def _is_tidy(text: str) -> bool:
    """Would squashing change none of its lines?"""
    if "  " in text or not text.replace("\r\n", "").replace("\ufffe", "").isprintable():
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def _boxes(letters: NDArray[np.float64]) -> Boxes:
    """Of lines, out of the boxes of their first and last letters (lines x 2 x 4)."""
    first, last = letters[:, 0], letters[:, 1]
    boxes = first.copy()
    boxes[:, 2] = np.maximum(first[:, 2], last[:, 2])
    apart = np.abs(last[:, 3] - first[:, 3]) >= np.maximum(1.0, first[:, 3] - first[:, 1])  # not on one line
    boxes[apart, 1] = np.minimum(first[apart, 1], last[apart, 1])
    boxes[apart, 3] = np.maximum(first[apart, 3], last[apart, 3])
    return boxes


def _may_be_rows(found: _Stretches, boxes: Boxes, rulers: Sequence[Ruler]) -> list[bool]:
    """A gap makes a line wider than its letters, and mostly lies between two of the page's text objects."""
    lengths = np.fromiter(map(len, found.bodies), dtype=np.int64, count=len(found.bodies))
    owners = np.array(found.owners, dtype=np.intp)
    heights = boxes[:, 3] - boxes[:, 1]
    stretch = (boxes[:, 2] - boxes[:, 0]) / np.maximum(1.0, heights) / lengths
    long = lengths >= _LONG
    usual = np.array([_median(stretch[long & (owners == page)]) for page in range(len(rulers))])[owners]
    wide = stretch > _MUCH_WIDER * usual
    suspect = np.flatnonzero(~wide & (~long | (stretch >= _WIDER * usual)))
    maybe: list[bool] = wide.tolist()
    for index in suspect.tolist():
        body = found.bodies[index]
        if " " in body:
            gap = rulers[found.owners[index]].widest_gap(found.starts[index], len(body))
            maybe[index] = gap > _GAP * heights[index]
    return [known and " " in body for known, body in zip(maybe, found.bodies, strict=True)]


def _median(stretches: NDArray[np.float64]) -> float:
    """As numpy's, which takes ten times as long for so few."""
    count = len(stretches)
    ordered = np.sort(stretches)
    return float(ordered[(count - 1) // 2] + ordered[count // 2]) / 2 if count else _USUAL


def _cells(ruler: Ruler, found: _Stretches, index: int, gap: float) -> Sequence[Cell]:
    """The line cut where its gaps are wider than any between words: the cells of a table's row."""
    body, start = found.bodies[index], found.starts[index]
    blanks = list(_BLANKS.finditer(body))
    if not blanks:
        return ()
    places = [start, *(start + at for blank in blanks for at in (blank.start() - 1, blank.end()))]
    sides = ruler.across([*places, start + len(body) - 1])
    cells: list[Cell] = []
    begin, left = 0, sides[0][0]
    for number, blank in enumerate(blanks):
        right, next_left = sides[2 * number + 1][1], sides[2 * number + 2][0]
        if next_left - right > gap:
            cells.append(Cell(squash(body[begin : blank.start()]), left, right))
            begin, left = blank.end(), next_left
    if not cells:
        return ()
    rest = squash(body[begin:]) + ("-" if found.broken[index] else "")
    return [*cells, Cell(rest, left, sides[-1][1])]
