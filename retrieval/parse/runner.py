"""Has a document parsed in a confined child and turns whatever it answers into a result or a reason.

Trusts nothing of what the child says.
"""

import logging
import os
import signal
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from typing import Any, BinaryIO, get_args

import orjson

from secretariat.retrieval.core import Block, PageSpan, ParsedDocument, ParseNote, Section, Span
from secretariat.retrieval.errors import DocumentRejectedError, RejectionCode
from secretariat.retrieval.parse.answer import EndlessAnswerError, answer
from secretariat.retrieval.parse.confine import EXIT_MEMORY
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import sniff
from secretariat.retrieval.parse.places import PlacedLines
from secretariat.retrieval.parse.text import MOST_NOTES, shortened, squash

_HEAD = 64 * 1024
_log = logging.getLogger(__name__)
_CODES = frozenset(get_args(RejectionCode))
_KINDS = ("table", "list", "code")
_LONGEST_NOTE = 500
_LARGEST_PAGE = 1e7  # points


async def run(source: BinaryIO, filename: str, media_type: str | None, limits: ParseLimits) -> ParsedDocument:
    document = source.fileno()
    kind = sniff(os.pread(document, _HEAD, 0), filename, media_type)
    try:
        said, status = await answer(document, ("parse", kind), limits, limits.output_bytes)
    except TimeoutError:
        raise _too_slow() from None
    except EndlessAnswerError:
        raise _too_large() from None
    if status == EXIT_MEMORY:
        raise _too_large()
    if status in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise _too_slow()
    try:
        head, _, lines = said.partition(b"\n")
        return _believed(orjson.loads(head), lines, filename, kind)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise _corrupt(f"exit status {status}") from None


def _believed(told: dict[str, Any], lines: bytes | bytearray, filename: str, kind: str) -> ParsedDocument:
    if "offline" in told and told["offline"] is False:
        _warn_of_network()
    if "crashed" in told:
        raise _corrupt(str(told["crashed"]))
    if "rejected" in told:
        code, message = told["rejected"]
        raise DocumentRejectedError(code if code in _CODES else "corrupt_document", _said(message))
    return _document(told, lines, filename, kind)


@cache
def _warn_of_network() -> None:
    """Once a process: it is about the machine, not about the document."""
    _log.warning(
        "parsers can reach the network: the kernel or the container's policy refuses them a network namespace; "
        "their other limits hold"
    )


def _document(told: dict[str, Any], lines: bytes | bytearray, filename: str, kind: str) -> ParsedDocument:
    text = str(told["text"])
    length = len(text)
    dated, language = told.get("dated"), told.get("language")
    return ParsedDocument(
        title=shortened(str(told["title"] or PurePosixPath(filename.replace("\\", "/")).stem)),
        text=text,
        media_type=kind,
        sections=tuple(
            Section(shortened(str(name)), int(level), _span(start, start, length).start)
            for name, level, start in told["sections"]
        ),
        pages=tuple(
            PageSpan(int(number), _span(start, end, length), _measure(width), _measure(height))
            for number, start, end, width, height in told["pages"]
        ),
        language=language
        if isinstance(language, str) and language.isalpha() and len(language) == 2
        else None,
        dated=date.fromisoformat(dated) if dated else None,
        lines=PlacedLines(lines, length),
        blocks=tuple(
            Block(kind, _span(start, end, length))
            for kind, start, end in told.get("blocks", ())
            if kind in _KINDS
        ),
        notes=tuple(_notes(told.get("notes", ()))),
    )


def _span(start: Any, end: Any, length: int) -> Span:
    if not 0 <= int(start) <= int(end) <= length:
        raise ValueError("a span outside the text")
    return Span(int(start), int(end))


def _measure(size: Any) -> float:
    """Points. Raises ValueError for what no page measures."""
    points = float(size)
    if not 0 <= points <= _LARGEST_PAGE:
        raise ValueError("a page of no size")
    return points


def _said(message: Any) -> str:
    return shortened(squash(str(message)[: 2 * _LONGEST_NOTE]), _LONGEST_NOTE)


def _notes(notes: Sequence[Any]) -> Iterable[ParseNote]:
    for code, message, page in notes[:MOST_NOTES]:
        yield ParseNote(str(code)[:64], _said(message), None if page is None else int(page))


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
