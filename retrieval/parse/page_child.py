"""What runs in the process that draws one page: a PDF on standard input to a PNG on standard output.

Forked by `zygote`, as parsers are, and as confined.
"""

import io
import math

import pypdfium2 as pdfium

from secretariat.retrieval.parse.child import read_document, write_answer
from secretariat.retrieval.parse.confine import EXIT_MEMORY, confine
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.zygote_wire import EXIT_NO_PAGE

MOST_PIXELS = 12_000_000


def main(number: int, scale: float, limits: ParseLimits) -> int:
    """The exit status."""
    confine(limits)
    try:
        return _draw(number, scale, limits)
    except MemoryError:
        return EXIT_MEMORY


def _draw(number: int, scale: float, limits: ParseLimits) -> int:
    document = pdfium.PdfDocument(read_document(limits))
    if not 1 <= number <= len(document):
        return EXIT_NO_PAGE
    page = document[number - 1]
    width, height = page.get_size()
    fitting = math.sqrt(MOST_PIXELS / max(1.0, width * height))
    image = page.render(scale=min(scale, fitting)).to_pil()
    png = io.BytesIO()
    image.save(png, format="PNG", compress_level=1)
    write_answer(png.getvalue())
    return 0
