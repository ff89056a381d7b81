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
_BLANK = _BREAKS + " \t\xa0"
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_STOPS = ".!?:;"
_EDGE = 0.09  # share of the page's height
_GAP = 1.2  # times the type's height; justified lines stretch a space to half of it
_LONG = 40  # letters; shorter lines are few and may be rows
_WIDER = 1.04
_MUCH_WIDER = 1.6
_USUAL = 0.4  # width of a letter in heights of the type, where a page has too few to tell

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
    size: float
    at_edge: bool
    cells: Sequence[Cell] = ()

    @property
    def ends_sentence(self) -> bool:
        return self.text[-1] in _STOPS or bool(_ENDS.search(self.text[-8:]))


def line_at(page: int, text: str, box: Measured, height: float, cells: Sequence[Cell] = ()) -> Line:
    """`height` is the page's. Places are kept to a tenth of a point."""
    left, top, right, bottom = box
    size = round(max(1.0, bottom - top), 1)
    at_edge = not _EDGE < (top + bottom) / 2 / max(1.0, height) < 1 - _EDGE  # where headers and footers stand
    return Line(
        page, text, round(left, 1), round(top, 1), round(right, 1), round(bottom, 1), size, at_edge, cells
    )


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
    width, height = page.get_width(), page.get_height()
    text_page = page.get_textpage()
    text = _text(text_page)
    ruler = Ruler(page, text_page, text)
    found = [one for match in _LINE.finditer(text) if (one := _measured(match, ruler.measure))]
    usual = median([_stretch(body, box) for _, body, box, _ in found if len(body) >= _LONG] or [_USUAL])
    lines: list[Line] = []
    for start, body, box, broken in found:
        content = squash(body) + ("-" if broken else "")
        if content:
            line = line_at(number, content, box, height)
            if (lines and lines[-1].cells) or _may_be_row(ruler, start, body, box, usual):
                line.cells = _cells(ruler.measure, body, start, _GAP * line.size)
                if broken and line.cells:
                    line.cells[-1].text += "-"
            lines.append(line)
    text_page.close()
    return Page(number, width, height, lines, len(text.strip()))


def _measured(
    match: re.Match[str], measure: Callable[[int], Measured]
) -> tuple[int, str, Measured, bool] | None:
    """Where the line starts in the text, its words, its box, and whether its last word goes on."""
    content = match[0]
    body = content.rstrip(_BLANK)
    broken = len(body) < len(content) and content[len(body)] in _BREAKS
    end = match.start() + len(body)
    body = body.lstrip()
    if not body:
        return None
    start = end - len(body)
    left, top, right, bottom = measure(start)
    _, other_top, other_right, other_bottom = measure(end - 1)
    right = max(right, other_right)
    if not -1.0 < (other_bottom - bottom) / max(1.0, bottom - top) < 1.0:  # not on one line
        top, bottom = min(top, other_top), max(bottom, other_bottom)
    return start, body, (left, top, right, bottom), broken


def _may_be_row(ruler: "Ruler", start: int, body: str, box: Measured, usual: float) -> bool:
    """A gap makes a line wider than its letters, and mostly lies between two of the page's text objects."""
    if " " not in body:
        return False
    stretch = _stretch(body, box)
    if len(body) >= _LONG and stretch < _WIDER * usual:
        return False
    return stretch > _MUCH_WIDER * usual or ruler.widest_gap(start, len(body)) > _GAP * (box[3] - box[1])


def _stretch(body: str, box: Measured) -> float:
    """Width of a letter in heights of the type."""
    return (box[2] - box[0]) / max(1.0, box[3] - box[1]) / len(body)


def _text(text_page: pdfium.PdfTextPage) -> str:
    count = raw.FPDFText_CountChars(text_page)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    written = raw.FPDFText_GetText(text_page, 0, count, buffer)
    return bytes(memoryview(buffer).cast("B")[: 2 * max(0, written - 1)]).decode(
        "utf-16-le", errors="replace"
    )


_box_of = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(raw.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)
_index_of = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
    ctypes.cast(raw.FPDFText_GetCharIndexFromTextIndex, ctypes.c_void_p).value or 0
)


class Ruler:
    """Measures the letters of a page's text."""

    def __init__(self, page: pdfium.PdfPage, text_page: pdfium.PdfTextPage, text: str) -> None:
        self._handle = ctypes.cast(text_page.raw, ctypes.c_void_p)
        self._text = text
        self._text_page = text_page
        self._turned = page.get_rotation() % 360
        self._bounds = page.get_bbox()
        # Letters that PDFium keeps out of the text, and letters of two UTF-16 units, shift its indexes.
        self._plain = len(text) == raw.FPDFText_CountChars(text_page) and (
            text.isascii() or max(text) <= "\uffff"
        )
        self.measure = self._upright() if self._plain and not self._turned else self._any

    def widest_gap(self, start: int, letters: int) -> float:
        """Between text objects that follow each other on a line."""
        if not self._plain:
            return float("inf")
        count = raw.FPDFText_CountRects(self._text_page, start, letters)
        if count < 2:
            return 0.0
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        widest, before = 0.0, float("inf")
        for index in range(count):
            raw.FPDFText_GetRect(self._text_page, index, left, top, right, bottom)
            begin, end = (left, right) if self._turned in {0, 180} else (bottom, top)
            widest, before = (
                max(widest, abs(begin.value - before) if before < begin.value else 0.0),
                end.value,
            )
        return widest if self._turned in {0, 90} else float("inf")

    def _upright(self) -> Callable[[int], Measured]:
        """For nearly every page; the same as `_any`, in a third of its time."""
        handle, buffer = self._handle, raw.FS_RECTF()
        address = ctypes.addressof(buffer)
        unpack = struct.Struct("4f").unpack_from
        page_left, _, _, page_top = self._bounds

        def measure(index: int) -> Measured:
            if not _box_of(handle, index, address):
                return 0.0, 0.0, 0.0, 0.0
            left, top, right, bottom = unpack(buffer)
            return left - page_left, page_top - top, right - page_left, page_top - bottom

        return measure

    def _any(self, index: int) -> Measured:
        buffer = raw.FS_RECTF()
        at = (
            index
            if self._plain
            else _index_of(self._handle, len(self._text[:index].encode("utf-16-le")) // 2)
        )
        if not _box_of(self._handle, max(0, at), ctypes.addressof(buffer)):
            return 0.0, 0.0, 0.0, 0.0
        left, top, right, bottom = buffer.left, buffer.top, buffer.right, buffer.bottom
        page_left, page_bottom, page_right, page_top = self._bounds
        if self._turned == 90:
            return bottom - page_bottom, left - page_left, top - page_bottom, right - page_left
        if self._turned == 180:
            return page_right - right, bottom - page_bottom, page_right - left, top - page_bottom
        if self._turned == 270:
            return page_top - top, page_right - right, page_top - bottom, page_right - left
        return left - page_left, page_top - top, right - page_left, page_top - bottom


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
