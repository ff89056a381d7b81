"""The lines of a PDF page as PDFium reads them, each measured: where it stands and how large its type is."""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
from pypdfium2 import raw

# PDFium puts U+FFFE where a word is broken at a line's end.
_LINE = re.compile("[^\r\n\ufffe]+(\ufffe?)")
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_EDGE = 0.09  # share of the page's height
_GAP = 1.2  # times the type's height; justified lines stretch a space to half of it


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a line without wide gaps; `left` and `right` in points."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """Measures are in points from the page's lower left; `size` is the height of the type."""

    page: int
    cells: tuple[Cell, ...]
    baseline: float
    size: float
    page_height: float

    @property
    def text(self) -> str:
        return " | ".join(cell.text for cell in self.cells)

    @property
    def left(self) -> float:
        return self.cells[0].left

    @property
    def right(self) -> float:
        return self.cells[-1].right

    @property
    def is_row(self) -> bool:
        return len(self.cells) > 1

    @property
    def at_edge(self) -> bool:
        """Is it where page headers and footers stand?"""
        return not _EDGE < self.baseline / self.page_height < 1 - _EDGE

    @property
    def ends_sentence(self) -> bool:
        return bool(_ENDS.search(self.text))


def page_lines(document: pdfium.PdfDocument, number: int) -> Iterator[Line]:
    """Lines of page `number` (from 0) in the order of the content, which is mostly that of reading."""
    page = document[number]
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    units = 0  # PDFium counts UTF-16 code units
    scanned = 0
    for match in _LINE.finditer(text):
        content = match[0].removesuffix("\ufffe")
        body = content.strip()
        if not body:
            continue
        start = match.start() + len(content) - len(content.lstrip())
        units += _utf16(text[scanned:start])
        scanned = start
        box = _box(text_page, units)
        size = max(1.0, box.top - box.bottom)
        cells = _cells(text_page, body, units, size)
        if match[1]:
            cells[-1] = replace(cells[-1], text=cells[-1].text + "-")
        yield Line(number + 1, tuple(cells), _baseline(text_page, units), size, max(1.0, page.get_height()))
    text_page.close()
    page.close()


def _utf16(text: str) -> int:
    return len(text) + sum(ord(letter) > 0xFFFF for letter in text)


def _baseline(text_page: pdfium.PdfTextPage, index: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, _char(text_page, index), x, y)
    return y.value


def _cells(text_page: pdfium.PdfTextPage, text: str, first: int, size: float) -> list[Cell]:
    """The line cut where its gaps are wider than any between words: the cells of a table's row."""
    cells: list[Cell] = []
    begin, left = 0, _box(text_page, first).left
    for gap in re.finditer(r"\s+", text):
        right = _box(text_page, first + _utf16(text[: gap.start()]) - 1).right
        next_left = _box(text_page, first + _utf16(text[: gap.end()])).left
        if next_left - right > _GAP * size:
            cells.append(Cell(text[begin : gap.start()], left, right))
            begin, left = gap.end(), next_left
    return [*cells, Cell(text[begin:], left, _box(text_page, first + _utf16(text) - 1).right)]


def _box(text_page: pdfium.PdfTextPage, index: int) -> raw.FS_RECTF:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text_page, _char(text_page, index), box)
    return box


def _char(text_page: pdfium.PdfTextPage, index: int) -> int:
    return max(0, int(raw.FPDFText_GetCharIndexFromTextIndex(text_page, index)))
