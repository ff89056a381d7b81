"""Starts the confined child, waits no longer than allowed, turns whatever happens into a result or a reason.

Owns the process group and the pipe. Trusts nothing that comes over it.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from secretariat.retrieval.core import PageSpan, ParsedDocument, Section, Span
from secretariat.retrieval.errors import DocumentRejectedError, RejectionCode
from secretariat.retrieval.parse.child import EXIT_MEMORY
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import sniff

_CHILD = "secretariat.retrieval.parse.child"
_READ = 64 * 1024
_log = logging.getLogger(__name__)
_CODES = frozenset(get_args(RejectionCode))


async def run(path: Path, filename: str, media_type: str | None, limits: ParseLimits) -> ParsedDocument:
    with path.open("rb") as source:
        kind = sniff(source.read(_READ), filename, media_type)
        source.seek(0)
        output, status = await _child(source.fileno(), kind, limits)
    if status == EXIT_MEMORY:
        raise _too_large()
    if status in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise _too_slow()
    try:
        answer = json.loads(output)
        if "offline" in answer and answer["offline"] is False:
            _warn_of_network()
        if "crashed" in answer:
            raise _corrupt(str(answer["crashed"]))
        if "rejected" in answer:
            code, message = answer["rejected"]
            raise DocumentRejectedError(code if code in _CODES else "corrupt_document", str(message))
        return _document(answer, filename, kind)
    except (ValueError, KeyError, TypeError):
        raise _corrupt(f"exit status {status}") from None


@cache
def _warn_of_network() -> None:
    """Once a process: it is about the machine, not about the document."""
    _log.warning(
        "parsers can reach the network: the kernel or the container's policy refuses them a network namespace; "
        "their other limits hold"
    )


async def _child(source: int, kind: str, limits: ParseLimits) -> tuple[bytes, int]:
    """What the child wrote and how it ended (negative: by that signal)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", _CHILD, kind, limits.to_json(),
        stdin=source,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limits.wall_s):
            output = await _bounded(process.stdout, limits.output_bytes)
            return output, await process.wait()
    except TimeoutError:
        raise _too_slow() from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _bounded(stream: asyncio.StreamReader, most: int) -> bytes:
    output = bytearray()
    while piece := await stream.read(_READ):
        output += piece
        if len(output) > most:
            raise _too_large()
    return bytes(output)


def _document(answer: dict[str, Any], filename: str, kind: str) -> ParsedDocument:
    text = str(answer["text"])
    sections = tuple(Section(str(name), int(level), int(start)) for name, level, start in answer["sections"])
    pages = tuple(PageSpan(int(page), Span(int(start), int(end))) for page, start, end in answer["pages"])
    marks = [page.span.end for page in pages] + [section.start for section in sections]
    if max(marks, default=0) > len(text):
        raise ValueError("a span outside the text")
    title = str(answer["title"] or PurePosixPath(filename.replace("\\", "/")).stem)
    return ParsedDocument(title, text, kind, sections, pages)


def _corrupt(note: str) -> DocumentRejectedError:
    error = DocumentRejectedError(
        "corrupt_document",
        "The file is damaged and can't be read. Open the original, save it anew and upload it again.",
    )
    error.add_note(note)
    return error


def _too_slow() -> DocumentRejectedError:
    return DocumentRejectedError(
        "too_slow",
        "The document takes too long to read. Save it in a simpler form or split it, and upload it again.",
    )


def _too_large() -> DocumentRejectedError:
    return DocumentRejectedError(
        "too_large", "The document needs too much memory to read. Split it into parts and upload those."
    )
