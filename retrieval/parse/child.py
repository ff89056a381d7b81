"""The process that parses one document: standard input to one JSON value on standard output.

Usage: python -I -m secretariat.retrieval.parse.child MEDIA_TYPE LIMITS_AS_JSON < document
Imports one parser only, after it has confined itself. It never opens the document's path.
"""

import importlib
import json
import sys
import traceback
from types import TracebackType
from typing import Any, Protocol, cast

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.confine import confine
from secretariat.retrieval.parse.limits import MIB, ParseLimits
from secretariat.retrieval.parse.media import DOCX, HTML, MARKDOWN, PDF, PLAIN
from secretariat.retrieval.parse.text import Extracted

EXIT_MEMORY = 3
_PARSERS = {PDF: "pdf", DOCX: "docx", HTML: "html", MARKDOWN: "markdown", PLAIN: "plain"}


class Parser(Protocol):
    """What each parser module offers. Raises DocumentRejectedError; anything else counts as corrupt."""

    def extract(self, data: bytes, limits: ParseLimits) -> Extracted: ...


def main(media_type: str, limits: ParseLimits) -> int:
    sys.excepthook = _report_crash
    offline = confine(limits)
    try:
        _answer(_parse(media_type, limits) | {"offline": offline})
    except MemoryError:
        return EXIT_MEMORY
    return 0


def _parse(media_type: str, limits: ParseLimits) -> dict[str, Any]:
    try:
        extracted = _extract(sys.stdin.buffer.read(limits.file_bytes + 1), media_type, limits)
    except DocumentRejectedError as rejected:
        return {"rejected": [rejected.code, rejected.message]}
    return {
        "title": extracted.title,
        "text": extracted.text,
        "sections": [[section.title, section.level, section.start] for section in extracted.sections],
        "pages": [[page.number, page.span.start, page.span.end] for page in extracted.pages],
    }


def _extract(data: bytes, media_type: str, limits: ParseLimits) -> Extracted:
    if len(data) > limits.file_bytes:
        most = limits.file_bytes // MIB
        raise DocumentRejectedError(
            "too_large", f"The file is larger than {most} MB. Split it into parts and upload those."
        )
    module = importlib.import_module(f"secretariat.retrieval.parse.{_PARSERS[media_type]}")
    extracted = cast("Parser", module).extract(data, limits)
    if not extracted.text.strip():
        raise DocumentRejectedError(
            "no_text", "The document holds no text. Check the original and upload it again."
        )
    return extracted


def _answer(value: dict[str, Any]) -> None:
    json.dump(value, sys.stdout)
    sys.stdout.flush()


def _report_crash(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """Where it happened and never what was read: a message may quote the document."""
    frames = traceback.extract_tb(trace)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    _answer({"crashed": f"{kind.__name__} in {place}"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], ParseLimits.from_json(sys.argv[2])))
