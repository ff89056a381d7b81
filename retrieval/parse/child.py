"""What runs in the process that parses one document: standard input to standard output.

The answer is a line of JSON, and after it the document's lines packed (`places`).

The process is forked by `zygote`, with every parser imported, and confines itself before it looks at the
document. It never learns the document's path.
"""

import importlib
import os
import traceback
from typing import Any, Protocol, cast

import orjson

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import media
from secretariat.retrieval.parse.confine import EXIT_MEMORY, confine
from secretariat.retrieval.parse.limits import MIB, ParseLimits
from secretariat.retrieval.parse.text import Extracted

PARSERS = {
    media.PDF: "pdf",
    media.DOCX: "docx",
    media.PPTX: "pptx",
    media.XLSX: "xlsx",
    media.CSV: "delimited",
    media.HTML: "html",
    media.MARKDOWN: "markdown",
    media.PLAIN: "plain",
    media.EML: "mail",
    media.MSG: "outlook",
    media.VTT: "subtitles",
    media.SRT: "subtitles",
    media.EPUB: "epub",
    media.JSON: "json_records",
    media.JSONL: "json_records",
    media.ZIP: "archive",
    media.PNG: "image",
    media.JPEG: "image",
    media.TIFF: "image",
}


class Parser(Protocol):
    """What each parser module offers. Raises DocumentRejectedError; anything else counts as corrupt."""

    def extract(self, data: bytes, limits: ParseLimits) -> Extracted: ...


def main(media_type: str, limits: ParseLimits) -> int:
    """The exit status. Reads standard input, writes standard output."""
    offline = confine(limits)
    try:
        told, lines = _parse(media_type, limits)
        write_answer(orjson.dumps(told | {"offline": offline}) + b"\n" + lines)
    except MemoryError:
        return EXIT_MEMORY
    except Exception as error:  # noqa: BLE001 - whatever a parser raises says that the document is damaged
        if _short_of_memory(error):
            return EXIT_MEMORY
        write_answer(orjson.dumps({"crashed": _place(error), "offline": offline}))
    return 0


def extract(data: bytes, media_type: str, limits: ParseLimits) -> Extracted:
    """By the type's own parser. Raises DocumentRejectedError and whatever the parser raises."""
    module = importlib.import_module(f"secretariat.retrieval.parse.{PARSERS[media_type]}")
    extracted = cast("Parser", module).extract(data, limits)
    if not extracted.text.strip():
        raise DocumentRejectedError(
            "no_text", "The document holds no text. Check the original and upload it again."
        )
    return extracted


def _parse(media_type: str, limits: ParseLimits) -> tuple[dict[str, Any], bytes]:
    """What there is to tell, and the lines packed."""
    from secretariat.retrieval.parse.language import language_of  # its model is the zygote's to load

    try:
        found = extract(read_document(limits), media_type, limits)
    except DocumentRejectedError as rejected:
        return {"rejected": [rejected.code, rejected.message]}, b""
    except RecursionError:
        message = (
            "The document is nested too deeply to be read. Save it in a simpler form and upload it again."
        )
        return {"rejected": ["too_deep", message]}, b""
    told = {
        "title": found.title,
        "text": found.text,
        "sections": [[section.title, section.level, section.start] for section in found.sections],
        "pages": [
            [page.number, page.span.start, page.span.end, page.width, page.height] for page in found.pages
        ],
        "language": language_of(found.text),
        "dated": found.dated,
        "blocks": [[block.kind, block.span.start, block.span.end] for block in found.blocks],
        "notes": [[note.code, note.message, note.page] for note in found.notes],
    }
    return told, found.lines


def read_document(limits: ParseLimits) -> bytes:
    """All of standard input, wherever its owner stopped to read. Raises DocumentRejectedError."""
    size = os.fstat(0).st_size
    if size > limits.file_bytes:
        most = limits.file_bytes // MIB
        raise DocumentRejectedError(
            "too_large", f"The file is larger than {most} MB. Split it into parts and upload those."
        )
    data = bytearray()
    while len(data) < size and (piece := os.pread(0, size - len(data), len(data))):
        data += piece
    return bytes(data)


def write_answer(answer: bytes) -> None:
    rest = memoryview(answer)
    while rest:
        rest = rest[os.write(1, rest) :]


def _short_of_memory(error: BaseException | None) -> bool:
    """Libraries wrap a MemoryError, or say in their own words that the system refused memory."""
    while error is not None:
        if isinstance(error, MemoryError) or "Cannot allocate memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(error: BaseException) -> str:
    """Where it happened and never what was read: a message may quote the document."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    return f"{type(error).__name__} in {place}"
