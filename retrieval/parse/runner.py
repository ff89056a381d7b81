"""Has a document parsed in a confined child, waits no longer than allowed, turns whatever happens into a result
or a reason.

Owns the answer's pipe and the clock. Trusts nothing that comes over the pipe.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import orjson

from secretariat.retrieval.core import (
    Block,
    Box,
    PageSpan,
    ParsedDocument,
    ParseNote,
    PlacedLine,
    Section,
    Span,
)
from secretariat.retrieval.errors import DocumentRejectedError, RejectionCode
from secretariat.retrieval.parse import nursery
from secretariat.retrieval.parse.confine import EXIT_MEMORY, MORE_TIME
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import sniff
from secretariat.retrieval.parse.text import MOST_NOTES

_READ = 64 * 1024
_log = logging.getLogger(__name__)
_CODES = frozenset(get_args(RejectionCode))
_KINDS = ("table", "list", "code")
_LONGEST_NOTE = 500


async def run(path: Path, filename: str, media_type: str | None, limits: ParseLimits) -> ParsedDocument:
    with path.open("rb") as source:
        kind = sniff(source.read(_READ), filename, media_type)
        output, status = await _child(source.fileno(), kind, limits)
    if status == EXIT_MEMORY:
        raise _too_large()
    if status in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise _too_slow()
    try:
        answer = orjson.loads(output)
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
    birth = await nursery.NURSERY.bear(source, kind, limits)
    reader = asyncio.StreamReader(limit=_READ)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(birth.answer, "rb", buffering=0)
    )
    try:
        async with asyncio.timeout(limits.wall_s) as clock:
            output = await _bounded(reader, limits, clock)
            with suppress(ConnectionError):  # the zygote died: what the child wrote still counts
                return output, await birth.status()
            return output, -signal.SIGTERM
    except TimeoutError:
        raise _too_slow() from None
    finally:
        birth.end()
        transport.close()


async def _bounded(stream: asyncio.StreamReader, limits: ParseLimits, clock: asyncio.Timeout) -> bytes:
    output = bytearray()
    granted = False
    while piece := await stream.read(_READ):
        output += piece
        if not granted and output.startswith(MORE_TIME):
            granted = True
            del output[: len(MORE_TIME)]
            clock.reschedule((clock.when() or 0.0) + limits.ocr_s)
        if len(output) > limits.output_bytes:
            raise _too_large()
    return bytes(output)


def _document(answer: dict[str, Any], filename: str, kind: str) -> ParsedDocument:
    text = str(answer["text"])
    length = len(text)
    dated, language = answer.get("dated"), answer.get("language")
    return ParsedDocument(
        title=str(answer["title"] or PurePosixPath(filename.replace("\\", "/")).stem),
        text=text,
        media_type=kind,
        sections=tuple(
            Section(str(name), int(level), _span(start, start, length).start)
            for name, level, start in answer["sections"]
        ),
        pages=tuple(
            PageSpan(int(number), _span(start, end, length), float(width), float(height))
            for number, start, end, width, height in answer["pages"]
        ),
        language=language
        if isinstance(language, str) and language.isalpha() and len(language) == 2
        else None,
        dated=date.fromisoformat(dated) if dated else None,
        lines=tuple(_lines(answer.get("lines", ()), length)),
        blocks=tuple(
            Block(kind, _span(start, end, length))
            for kind, start, end in answer.get("blocks", ())
            if kind in _KINDS
        ),
        notes=tuple(_notes(answer.get("notes", ()))),
    )


def _span(start: Any, end: Any, length: int) -> Span:
    if not 0 <= int(start) <= int(end) <= length:
        raise ValueError("a span outside the text")
    return Span(int(start), int(end))


def _lines(lines: Sequence[Any], length: int) -> Iterable[PlacedLine]:
    for start, end, page, left, top, right, bottom in lines:
        yield PlacedLine(
            _span(start, end, length), int(page), Box(float(left), float(top), float(right), float(bottom))
        )


def _notes(notes: Sequence[Any]) -> Iterable[ParseNote]:
    for code, message, page in notes[:MOST_NOTES]:
        yield ParseNote(str(code)[:64], str(message)[:_LONGEST_NOTE], None if page is None else int(page))


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
