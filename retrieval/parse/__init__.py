"""Files in, plain text out. Owns media types, parsers and the confined child process they run in.

Knows nothing of chunks, vectors or tenants. A parser never runs in the calling process: `parse` has
`zygote` fork a child, which gives up the network and most of its memory, time and files first.
"""

from pathlib import Path
from typing import BinaryIO

from secretariat.retrieval.core import ParsedDocument
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS, ParseLimits
from secretariat.retrieval.parse.media import SUPPORTED, sniff

__all__ = ["DEFAULT_LIMITS", "SUPPORTED", "ParseLimits", "parse", "sniff"]


async def parse(
    source: Path | BinaryIO, filename: str, media_type: str | None, limits: ParseLimits = DEFAULT_LIMITS
) -> ParsedDocument:
    """Plain text, headings and pages of a file: one at a path, or one that is open and has been written to disk.

    Raises DocumentRejectedError; its message says what the owner of the document can do.
    """
    # The child imports this package too and has no use for an event loop: that would be a third of its start.
    from secretariat.retrieval.parse.runner import run

    if not isinstance(source, Path):
        return await run(source, filename, media_type, limits)
    with source.open("rb") as opened:
        return await run(opened, filename, media_type, limits)
