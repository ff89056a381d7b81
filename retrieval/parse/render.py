"""A page of a PDF as an image, drawn in a confined child process as parsers are.

Knows nothing of text: where a quote stands on the page, the document's layout says.
"""

import signal
from typing import BinaryIO

from secretariat.retrieval.errors import DocumentRejectedError, RetrievalError
from secretariat.retrieval.parse.answer import EndlessAnswerError, answer
from secretariat.retrieval.parse.confine import EXIT_MEMORY
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS, MIB, ParseLimits
from secretariat.retrieval.parse.zygote_wire import EXIT_NO_PAGE

_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 64 * MIB


class NoSuchPageError(RetrievalError):
    """The document has fewer pages."""

    code = "no_such_page"


async def render(source: BinaryIO, page: int, scale: float, limits: ParseLimits = DEFAULT_LIMITS) -> bytes:
    """Page `page` (from 1) of the PDF in `source` as PNG, `scale` pixels a point, fewer for a huge page.

    Raises NoSuchPageError, DocumentRejectedError.
    """
    try:
        image, status = await answer(source.fileno(), ("draw", page, scale), limits, _LARGEST)
    except (TimeoutError, EndlessAnswerError):
        raise _too_much() from None
    if status == EXIT_NO_PAGE:
        raise NoSuchPageError(f"The document has no page {page}.")
    if status in {EXIT_MEMORY, -signal.SIGXCPU, -signal.SIGKILL}:
        raise _too_much()
    if status != 0 or not image.startswith(_PNG):
        raise DocumentRejectedError(
            "corrupt_document", "The page is damaged and can't be shown. Download the document."
        )
    return bytes(image)


def _too_much() -> DocumentRejectedError:
    return DocumentRejectedError("too_slow", "The page is too large to be shown. Download the document.")
