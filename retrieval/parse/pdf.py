"""PDF by PDFium: opens the document, refuses what can't be read, leaves lines and layout to its siblings.

Pages that show an image and have no text layer are read by text recognition.
"""

from collections.abc import Iterator
from datetime import date

import pypdfium2 as pdfium
from pypdfium2 import raw

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import ocr
from secretariat.retrieval.parse.dates import pdf_date
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import encrypted_pdf
from secretariat.retrieval.parse.pdf_layout import Layout, without_running_lines
from secretariat.retrieval.parse.pdf_lines import Line, OpenPage, Page, read_pages
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_FILE_NAMES = (".doc", ".docx", ".indd", ".pdf", ".tex")
_TOGETHER = 4  # pages
_LETTERS_TOGETHER = 100_000  # PDFium holds more than a hundred bytes for each
_HARDLY_ANY = 16  # letters: a stamp or a page number over a scan


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    document = _open(data)
    if len(document) > limits.pages:
        raise DocumentRejectedError(
            "too_large",
            f"The PDF has more than {limits.pages:,} pages. Split it into parts and upload those.",
        )
    reader = _Reader(document, limits)
    lines = without_running_lines(list(reader.lines()))
    if not lines:
        raise reader.nothing()
    builder = TextBuilder(limits.characters)
    Layout(lines, reader.sizes, builder).write()
    reader.report(builder)
    title, dated = document.get_metadata_value("Title"), _dated(document)
    document.close()
    return builder.finish(None if title.lower().endswith(_FILE_NAMES) else title, dated)


class _Reader:
    """Goes through the pages and remembers what became of those without text."""

    def __init__(self, document: pdfium.PdfDocument, limits: ParseLimits) -> None:
        self._document = document
        self._recogniser = ocr.Recogniser(limits)
        self.sizes: dict[int, tuple[float, float]] = {}
        self._recognised: list[int] = []
        self._skipped: list[int] = []
        self._empty: list[int] = []
        self._broken: list[int] = []

    def lines(self) -> Iterator[Line]:
        batch: list[OpenPage] = []
        letters = 0
        for number in range(1, len(self._document) + 1):
            try:
                batch.append(OpenPage(self._document[number - 1], number))
            except pdfium.PdfiumError:
                self._broken.append(number)
                continue
            letters += batch[-1].letters
            if len(batch) >= _TOGETHER or letters > _LETTERS_TOGETHER:
                yield from self._lines_of(batch)
                batch, letters = [], 0
        if batch:
            yield from self._lines_of(batch)

    def _lines_of(self, batch: list[OpenPage]) -> Iterator[Line]:
        for opened, found in zip(batch, read_pages(batch), strict=True):
            self.sizes[found.number] = (round(found.width, 1), round(found.height, 1))
            yield from self._words(opened, found)
        for opened in batch:
            opened.close()

    def _words(self, opened: OpenPage, found: Page) -> list[Line]:
        if found.letters <= _HARDLY_ANY and _shows_image(opened.page):
            return self._recognise(opened.page, found.number) or found.lines
        if not found.lines:
            self._empty.append(found.number)
        return found.lines

    def _recognise(self, page: pdfium.PdfPage, number: int) -> list[Line]:
        width, height = self.sizes[number]
        lines = None
        if not self._recogniser.exhausted and not self._recogniser.missing:
            scale = min(200 / 72, ocr.LONGEST_SIDE / max(1.0, width, height))
            pixels = page.render(scale=scale).to_numpy()[:, :, :3]
            lines = self._recogniser.lines(pixels, number, width, height)
        (self._skipped if lines is None else self._recognised).append(number)
        return lines or []

    def report(self, builder: TextBuilder) -> None:
        ocr.note(builder, self._recogniser, self._recognised, self._skipped)
        for number in self._empty:
            builder.note("page_without_text", "The page holds no text.", number)
        for number in self._broken:
            builder.note("page_unreadable", "The page is damaged and was left out.", number)

    def nothing(self) -> DocumentRejectedError:
        if self._broken and not self.sizes:
            return DocumentRejectedError(
                "corrupt_document",
                "No page of the PDF can be read. Save the original anew and upload it again.",
            )
        if self._recogniser.missing:
            return DocumentRejectedError(
                "ocr_unavailable",
                "The PDF holds only images, and text recognition isn't installed here. "
                "Run text recognition (OCR) on it and upload it again.",
            )
        return DocumentRejectedError(
            "no_text",
            "The PDF holds no text, nor images with letters that can be recognised. "
            "Upload a sharper scan, or run text recognition (OCR) on it first.",
        )


def _shows_image(page: pdfium.PdfPage) -> bool:
    objects = page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3)
    return next(iter(objects), None) is not None


def _dated(document: pdfium.PdfDocument) -> date | None:
    return pdf_date(document.get_metadata_value("ModDate")) or pdf_date(
        document.get_metadata_value("CreationDate")
    )


def _open(data: bytes) -> pdfium.PdfDocument:
    tail = data[-4096:]
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise DocumentRejectedError(
            "corrupt_document", "The PDF is cut off: its end is missing. Upload the complete file again."
        )
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        if raw.FPDF_GetLastError() in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise encrypted_pdf() from None
        raise
    return document
