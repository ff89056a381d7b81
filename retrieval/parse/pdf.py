"""PDF by PDFium: lines with their geometry, put back together into paragraphs and headings.

Owns the guesses that a format without structure needs: what is a heading (larger type), what ends a paragraph
(a gap, a bullet, a short last line), what is a running header (the same line on most pages).
"""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2 as pdfium
from pypdfium2 import raw

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import reflow
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import encrypted_pdf
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_LINE = re.compile("[^\r\n\ufffe]+(\ufffe?)")
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_DIGITS = re.compile(r"\d+")
_HEADING_RATIO = 1.12
_HEADING_LENGTH = 200
_GAP = 1.2  # times the type's height; justified lines stretch a space to half of it


@dataclass(frozen=True, slots=True)
class _Line:
    """Text with its place on the page, in points from the lower left; `size` is the height of its type."""

    page: int
    text: str
    left: float
    right: float
    baseline: float
    size: float
    row: bool

    @property
    def ends_sentence(self) -> bool:
        return bool(_ENDS.search(self.text))


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    document = _open(data)
    if len(document) > limits.pages:
        raise DocumentRejectedError(
            "too_large",
            f"The PDF has more than {limits.pages:,} pages. Split it into parts and upload those.",
        )
    lines = [line for number in range(len(document)) for line in _page_lines(document, number)]
    title = document.get_metadata_value("Title")
    document.close()
    lines = _without_running_lines(lines)
    if not lines:
        raise DocumentRejectedError(
            "no_text",
            "The PDF holds no text, only images. Run text recognition (OCR) on it and upload it again.",
        )
    builder = TextBuilder(limits.characters)
    _Layout(lines, builder).write()
    return builder.finish(title if title and not title.lower().endswith((".doc", ".docx", ".indd")) else None)


def _open(data: bytes) -> pdfium.PdfDocument:
    tail = data[-4096:]
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise DocumentRejectedError(
            "corrupt_document", "The PDF is cut off: its end is missing. Upload the complete file again."
        )
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD:
            raise encrypted_pdf() from None
        raise
    if raw.FPDF_GetSecurityHandlerRevision(document) != -1:
        raise encrypted_pdf()
    return document


def _page_lines(document: pdfium.PdfDocument, number: int) -> Iterator[_Line]:
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
        yield _measured(text_page, number + 1, body, units, broken=bool(match[1]))
    text_page.close()
    page.close()


def _utf16(text: str) -> int:
    return len(text) + sum(ord(letter) > 0xFFFF for letter in text)


def _measured(text_page: pdfium.PdfTextPage, page: int, text: str, first: int, *, broken: bool) -> _Line:
    start, end = _box(text_page, first), _box(text_page, first + _utf16(text) - 1)
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, _char(text_page, first), x, y)
    size = max(1.0, start.top - start.bottom)
    cells = _cells(text_page, text, first, size)
    return _Line(
        page=page,
        text=" | ".join(cells) + ("-" if broken else ""),
        left=start.left,
        right=end.right,
        baseline=y.value,
        size=size,
        row=len(cells) > 1,
    )


def _cells(text_page: pdfium.PdfTextPage, text: str, first: int, size: float) -> list[str]:
    """The line cut where its gaps are wider than any between words: the cells of a table's row."""
    cells, begin = [], 0
    for gap in re.finditer(r"\s+", text):
        before = first + _utf16(text[: gap.start()]) - 1
        after = first + _utf16(text[: gap.end()])
        if _box(text_page, after).left - _box(text_page, before).right > _GAP * size:
            cells.append(text[begin : gap.start()])
            begin = gap.end()
    return [*cells, text[begin:]]


def _box(text_page: pdfium.PdfTextPage, index: int) -> raw.FS_RECTF:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text_page, _char(text_page, index), box)
    return box


def _char(text_page: pdfium.PdfTextPage, index: int) -> int:
    return max(0, int(raw.FPDFText_GetCharIndexFromTextIndex(text_page, index)))


def _without_running_lines(lines: Sequence[_Line]) -> list[_Line]:
    """Without page headers, footers and page numbers: outer lines that most pages repeat but for digits."""
    pages: dict[int, list[_Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    outer = {number: {*_outermost(page)} for number, page in pages.items()}
    seen = Counter(key for keys in outer.values() for key in {_DIGITS.sub("#", line.text) for line in keys})
    often = max(3, len(pages) // 2 + 1)
    return [
        line
        for line in lines
        if line not in outer[line.page]
        or (seen[_DIGITS.sub("#", line.text)] < often and not line.text.strip(" -–—").isdigit())
    ]


def _outermost(page: Sequence[_Line]) -> list[_Line]:
    by_height = sorted(page, key=lambda line: line.baseline)
    return by_height[:2] + by_height[-2:]


class _Layout:
    """Turns measured lines into blocks and writes them."""

    def __init__(self, lines: Sequence[_Line], builder: TextBuilder) -> None:
        self._lines = lines
        self._builder = builder
        self._words = reflow.vocabulary(line.text for line in lines)
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
        self._body = sizes.most_common(1)[0][0]
        larger = sorted({size for size in sizes if size > self._body * _HEADING_RATIO}, reverse=True)
        self._levels = {size: min(rank, 6) for rank, size in enumerate(larger, 1)}
        self._leading = self._usual_leading()
        self._margins = self._measure_margins()
        self._page = 0

    def write(self) -> None:
        group = [self._lines[0]]
        continued = False
        for before, line in pairwise(self._lines):
            goes_on = self._goes_on(before, line)
            if goes_on and line.page == before.page:
                group.append(line)
                continue
            self._emit(group, continued=continued)
            group, continued = [line], goes_on
        self._emit(group, continued=continued)

    def _emit(self, group: Sequence[_Line], *, continued: bool) -> None:
        first = group[0]
        if first.page != self._page:
            self._page = first.page
            self._builder.page(first.page)
        text = reflow.join([line.text for line in group], self._words)
        level = self._levels.get(round(first.size, 1))
        if continued:
            self._builder.continuation(text)
        elif level and len(text) <= _HEADING_LENGTH:
            self._builder.heading(text, level)
        elif reflow.BULLET.match(text) or first.row or (len(group) == 1 and not first.ends_sentence):
            self._builder.line(text)
        else:
            self._builder.paragraph(text)

    def _goes_on(self, before: _Line, line: _Line) -> bool:
        """Does `line` belong to the paragraph that `before` is in?"""
        apart = before.row or line.row or reflow.BULLET.match(line.text)
        if apart or abs(before.size - line.size) > 0.08 * before.size:
            return False
        if line.page != before.page or line.baseline > before.baseline + before.size:
            return not before.ends_sentence and line.text[:1].islower()  # over the end of a page or column
        return self._adjoins(before, line)

    def _adjoins(self, before: _Line, line: _Line) -> bool:
        """Is `line` the next line of the same paragraph?"""
        drop = before.baseline - line.baseline
        if drop > 1.3 * self._leading * line.size:
            return False
        if before.text.endswith("-"):
            return True
        left, right = self._margins[before.page]
        filled = (before.right - left) / max(1.0, right - left)
        return filled > (0.8 if before.ends_sentence else 0.5)

    def _usual_leading(self) -> float:
        drops = [
            (before.baseline - line.baseline) / line.size
            for before, line in pairwise(self._lines)
            if before.page == line.page and abs(before.size - line.size) < 0.1
        ]
        return min(2.0, max(1.0, median([drop for drop in drops if 0.5 < drop < 3.0] or [1.2])))

    def _measure_margins(self) -> dict[int, tuple[float, float]]:
        margins: dict[int, tuple[float, float]] = {}
        for line in self._lines:
            left, right = margins.get(line.page, (line.left, line.right))
            margins[line.page] = (min(left, line.left), max(right, line.right))
        return margins
