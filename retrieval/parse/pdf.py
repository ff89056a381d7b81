"""PDF by PDFium: opens the document, refuses what can't be read, leaves lines and layout to its siblings."""

import pypdfium2 as pdfium
from pypdfium2 import raw

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import encrypted_pdf
from secretariat.retrieval.parse.pdf_layout import Layout, without_running_lines
from secretariat.retrieval.parse.pdf_lines import page_lines
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_FILE_NAMES = (".doc", ".docx", ".indd", ".pdf", ".tex")


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    document = _open(data)
    if len(document) > limits.pages:
        raise DocumentRejectedError(
            "too_large",
            f"The PDF has more than {limits.pages:,} pages. Split it into parts and upload those.",
        )
    lines = [line for number in range(len(document)) for line in page_lines(document, number)]
    title = document.get_metadata_value("Title")
    document.close()
    lines = without_running_lines(lines)
    if not lines:
        raise DocumentRejectedError(
            "no_text",
            "The PDF holds no text, only images. Run text recognition (OCR) on it and upload it again.",
        )
    builder = TextBuilder(limits.characters)
    Layout(lines, builder).write()
    return builder.finish(None if title.lower().endswith(_FILE_NAMES) else title)


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
