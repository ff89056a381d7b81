"""The lines of a PDF page as PDFium reads them, each measured: where it stands and how large its type is.

Measures are in points from the upper left corner of the page as it is shown. A call into PDFium costs about as
much as a line of Python, and pages have thousands of letters: two letters of a line are measured, all its words
only where it may be a row of cells.
"""

import ctypes
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import pypdfium2 as pdfium
from pypdfium2 import raw

from secretariat.retrieval.parse.text import squash

# PDFium puts U+FFFE where a word is broken at a line's end.
_LINE = re.compile("[^\r\n\ufffe]+(\ufffe?)")
_BREAKS = "\ufffe\u00ad\x02"
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_EDGE = 0.09  # share of the page's height
_GAP = 1.2  # times the type's height; justified lines stretch a space to half of it
_LONG = 40  # letters; shorter lines are few and may be rows
_WIDER = 1.04  # a gap makes a line wider than its letters

Measured = tuple[float, float, float, float]
"""Left, top, right, bottom."""


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
    at_edge: bool
    cells: Sequence[Cell] = ()

    @property
    def size(self) -> float:
        return max(1.0, self.bottom - self.top)

    @property
    def is_row(self) -> bool:
        return len(self.cells) > 1

    @property
    def ends_sentence(self) -> bool:
        return bool(_ENDS.search(self.text))


@dataclass(slots=True)
class Page:
    """What PDFium reads of a page; `number` counts from 1."""

    number: int
    width: float
    height: float
    lines: list[Line]
    letters: int


def edge(top: float, bottom: float, height: float) -> bool:
    """Is it where page headers and footers stand?"""
    return not _EDGE < (top + bottom) / 2 / max(1.0, height) < 1 - _EDGE


def read_page(page: pdfium.PdfPage, number: int) -> Page:
    """Lines in the order of the content, which is mostly that of reading."""
    width, height = page.get_width(), page.get_height()
    text_page = page.get_textpage()
    text = _text(text_page)
    measure = _ruler(page, text_page, text)
    found = [line for match in _LINE.finditer(text) if (line := _measured(match, measure))]
    usual = median([_stretch(body, box) for _, body, box, _ in found if len(body) >= _LONG] or [0.0]) * _WIDER
    lines: list[Line] = []
    for start, body, (left, top, right, bottom), broken in found:
        row = bool(lines) and lines[-1].is_row
        cells: Sequence[Cell] = ()
        if row or len(body) < _LONG or _stretch(body, (left, top, right, bottom)) > usual:
            cells = _cells(measure, body, start, _GAP * max(1.0, bottom - top))
        content = squash(body)
        if broken:
            content += "-"
            if cells:
                cells[-1].text += "-"
        if content:
            at_edge = edge(top, bottom, height)
            lines.append(Line(number, content, left, top, right, bottom, at_edge, cells))
    text_page.close()
    return Page(number, width, height, lines, len(text.strip()))


def _measured(
    match: re.Match[str], measure: Callable[[int], Measured]
) -> tuple[int, str, Measured, bool] | None:
    """Where the line starts in the text, its words, its box, and whether its last word goes on."""
    content = match[0]
    body = content.rstrip(_BREAKS + " \t\xa0")
    broken = content[len(body) : len(body) + 1] in _BREAKS and len(body) < len(content)
    words = body.lstrip()
    if not words:
        return None
    start = match.start() + len(body) - len(words)
    left, top, right, bottom = measure(start)
    _, other_top, other_right, other_bottom = measure(match.start() + len(body) - 1)
    if abs(other_bottom - bottom) < bottom - top:  # on the same line still
        right = max(right, other_right)
    else:
        right, top, bottom = max(right, other_right), min(top, other_top), max(bottom, other_bottom)
    return start, words, (left, top, right, bottom), broken


def _stretch(body: str, box: Measured) -> float:
    """Width of a letter in heights of the type."""
    return (box[2] - box[0]) / max(1.0, box[3] - box[1]) / len(body)


def _text(text_page: pdfium.PdfTextPage) -> str:
    count = raw.FPDFText_CountChars(text_page)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    written = raw.FPDFText_GetText(text_page, 0, count, buffer)
    return bytes(memoryview(buffer).cast("B")[: 2 * max(0, written - 1)]).decode("utf-16-le", errors="replace")


_box_of = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(raw.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)
_index_of = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
    ctypes.cast(raw.FPDFText_GetCharIndexFromTextIndex, ctypes.c_void_p).value or 0
)


def _ruler(page: pdfium.PdfPage, text_page: pdfium.PdfTextPage, text: str) -> Callable[[int], Measured]:
    """Measures the letter at an index of the text."""
    handle = ctypes.cast(text_page.raw, ctypes.c_void_p)
    buffer = raw.FS_RECTF()
    address = ctypes.addressof(buffer)
    unpack = struct.Struct("4f").unpack_from
    page_left, page_bottom, page_right, page_top = page.get_bbox()
    turned = page.get_rotation() % 360
    # Letters that PDFium keeps out of the text, and letters of two UTF-16 units, shift its indexes.
    plain = len(text) == raw.FPDFText_CountChars(text_page) and (not text or max(text) <= "\uffff")

    def measure(index: int) -> Measured:
        at = index if plain else max(0, _index_of(handle, len(text[:index].encode("utf-16-le")) // 2))
        if not _box_of(handle, at, address):
            return 0.0, 0.0, 0.0, 0.0
        left, top, right, bottom = unpack(buffer)
        if not turned:
            return left - page_left, page_top - top, right - page_left, page_top - bottom
        if turned == 90:
            return bottom - page_bottom, left - page_left, top - page_bottom, right - page_left
        if turned == 180:
            return page_right - right, bottom - page_bottom, page_right - left, top - page_bottom
        return page_top - top, page_right - right, page_top - bottom, page_right - left

    return measure


def _cells(measure: Callable[[int], Measured], body: str, start: int, gap: float) -> Sequence[Cell]:
    """The line cut where its gaps are wider than any between words: the cells of a table's row."""
    cells: list[Cell] = []
    begin, left = 0, 0.0
    for blank in re.finditer(r"\s+", body):
        right = measure(start + blank.start() - 1)[2]
        next_left = measure(start + blank.end())[0]
        if next_left - right > gap:
            left = left if cells else measure(start)[0]
            cells.append(Cell(squash(body[begin : blank.start()]), left, right))
            begin, left = blank.end(), next_left
    if not cells:
        return ()
    return [*cells, Cell(squash(body[begin:]), left, measure(start + len(body) - 1)[2])]
