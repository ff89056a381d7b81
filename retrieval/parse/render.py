"""A page of a PDF as an image, drawn in a confined child process as parsers are. Owns that child's start.

Knows nothing of text: where a quote stands on the page, the document's layout says.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from secretariat.retrieval.errors import DocumentRejectedError, RetrievalError
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS, MIB, ParseLimits

EXIT_MEMORY, EXIT_NO_PAGE = 3, 4
_CHILD = "secretariat.retrieval.parse.page_child"
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 64 * MIB


class NoSuchPageError(RetrievalError):
    """The document has fewer pages."""

    code = "no_such_page"


async def render(source: BinaryIO, page: int, scale: float, limits: ParseLimits = DEFAULT_LIMITS) -> bytes:
    """Page `page` (from 1) of the PDF in `source` as PNG, `scale` pixels a point, fewer for a huge page.

    Raises NoSuchPageError, DocumentRejectedError.
    """
    source.seek(0)
    image, status = await _child(source.fileno(), page, scale, limits)
    if status == EXIT_NO_PAGE:
        raise NoSuchPageError(f"The document has no page {page}.")
    if status in {EXIT_MEMORY, -signal.SIGXCPU, -signal.SIGKILL}:
        raise DocumentRejectedError("too_slow", "The page is too large to be shown. Download the document.")
    if status != 0 or not image.startswith(_PNG):
        raise DocumentRejectedError(
            "corrupt_document", "The page is damaged and can't be shown. Download the document."
        )
    return image


async def _child(source: int, page: int, scale: float, limits: ParseLimits) -> tuple[bytes, int]:
    """What the child wrote and how it ended (negative: by that signal)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", _CHILD, str(page), str(scale), limits.to_json(),
        stdin=source,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limits.wall_s):
            image = bytearray()
            while piece := await process.stdout.read(MIB):
                image += piece
                if len(image) > _LARGEST:
                    return b"", -signal.SIGKILL
            return bytes(image), await process.wait()
    except TimeoutError:
        return b"", -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
