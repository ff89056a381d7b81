"""The process that draws one page: a PDF on standard input, a PNG on standard output.

Usage: python -I -m secretariat.retrieval.parse.page_child PAGE SCALE LIMITS_AS_JSON < document.pdf
"""

import math
import sys

from secretariat.retrieval.parse.confine import confine
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.render import EXIT_MEMORY, EXIT_NO_PAGE

MOST_PIXELS = 12_000_000


def main(number: int, scale: float, limits: ParseLimits) -> int:
    confine(limits)
    try:
        return _draw(number, scale, limits)
    except MemoryError:
        return EXIT_MEMORY


def _draw(number: int, scale: float, limits: ParseLimits) -> int:
    import pypdfium2 as pdfium  # after confinement, like every parser

    document = pdfium.PdfDocument(sys.stdin.buffer.read(limits.file_bytes + 1))
    if not 1 <= number <= len(document):
        return EXIT_NO_PAGE
    page = document[number - 1]
    width, height = page.get_size()
    fitting = math.sqrt(MOST_PIXELS / max(1.0, width * height))
    image = page.render(scale=min(scale, fitting)).to_pil()
    image.save(sys.stdout.buffer, format="PNG", compress_level=4)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), ParseLimits.from_json(sys.argv[3])))
