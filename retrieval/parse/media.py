"""What kind of file is this? Owns the supported media types and what can be refused at upload.

Compares three witnesses: the first bytes, the file name and the declared type. Knows no parser.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.charset import looks_like_text

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

SUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        PDF: "PDF (.pdf)",
        DOCX: "Word (.docx)",
        HTML: "HTML (.html)",
        MARKDOWN: "Markdown (.md)",
        PLAIN: "plain text (.txt)",
    }
)
_TEXTUAL = frozenset({HTML, MARKDOWN, PLAIN})
_BY_SUFFIX = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": PLAIN,
    ".text": PLAIN,
}
_ALIASES = {
    "application/x-pdf": PDF,
    "application/xhtml+xml": HTML,
    "text/x-markdown": MARKDOWN,
}
_ZIP = "a ZIP archive"
_OLE = "an old Microsoft Office file"
_MAGIC = (
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a RIFF media file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf'\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript file"),
)
_FOREIGN = ("image/", "audio/", "video/", "font/")
_ENCRYPT = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R\b|<<)")
_HTML_START = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*+(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)


def sniff(head: bytes, filename: str, declared: str | None) -> str:
    """The media type to parse a file as.

    `head` is the whole file, or at least its first 8 KiB; the more it shows, the more can be refused here.
    Raises DocumentRejectedError for what can be known at once: nothing in it, a type that can't be read,
    a name or declared type that the content contradicts, a PDF whose encryption is in sight.
    """
    if not head:
        raise DocumentRejectedError(
            "empty_file", "The file is empty. Check the original and upload it again."
        )
    claimed = _claimed(filename, declared)
    found = _found(head)
    expected = claimed or _guess(head, found)
    if expected is None:
        raise _unsupported(filename, found)
    _compare(expected, found, head)
    if expected == PDF and _ENCRYPT.search(head):
        raise encrypted_pdf()
    return expected


def encrypted_pdf() -> DocumentRejectedError:
    return DocumentRejectedError(
        "encrypted_document", "The PDF is password-protected. Remove the password and upload it again."
    )


def encrypted_docx() -> DocumentRejectedError:
    return DocumentRejectedError(
        "encrypted_document",
        "The Word file is password-protected or in the format of Word 97-2003. "
        "Save it as .docx without a password and upload it again.",
    )


def not_a_docx() -> DocumentRejectedError:
    return DocumentRejectedError(
        "media_type_mismatch",
        "The file is named .docx but is no Word document. "
        "Open it in Word, save it as .docx and upload it again.",
    )


def _claimed(filename: str, declared: str | None) -> str | None:
    """What name and declared type say, None when they say nothing."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    by_name = _BY_SUFFIX.get(suffix)
    stated = (declared or "").split(";")[0].strip().lower()
    stated = _ALIASES.get(stated, stated)
    if by_name and (stated.startswith(_FOREIGN) or _conflict(by_name, stated)):
        raise DocumentRejectedError(
            "media_type_mismatch",
            f"The file was sent as {stated} but is named {suffix}. "
            "Give it the name of its type and upload it again.",
        )
    if by_name is None and re.fullmatch(r"\.[a-z][a-z0-9]{0,5}", suffix):
        raise _unsupported(filename, None)
    return by_name or (stated if stated in SUPPORTED else None)


def _conflict(by_name: str, stated: str) -> bool:
    return stated in SUPPORTED and stated != by_name and not {stated, by_name} <= _TEXTUAL


def _found(head: bytes) -> str | None:
    """PDF, PLAIN for anything that reads as text, a phrase for known binary content, None for unknown."""
    if b"%PDF-" in head[:1024]:
        return PDF
    for magic, phrase in _MAGIC:
        if head.startswith(magic):
            return phrase
    return PLAIN if looks_like_text(head) else None


def _guess(head: bytes, found: str | None) -> str | None:
    """For a file with no telling name and no declared type."""
    if found == PDF:
        return PDF
    if found == _ZIP and b"word/" in head:
        return DOCX
    if found == PLAIN:
        return HTML if _HTML_START.match(head) else PLAIN
    return None


def _compare(expected: str, found: str | None, head: bytes) -> None:
    if expected == DOCX and found == _OLE:
        raise encrypted_docx()
    if expected == DOCX and found == _ZIP:
        if b"word/" not in head and (b"xl/" in head or b"ppt/" in head):
            raise not_a_docx()
        return
    if found == (PLAIN if expected in _TEXTUAL else expected):
        return
    content = {PDF: "a PDF", PLAIN: "plain text", None: "of an unknown kind"}.get(found, found)
    raise DocumentRejectedError(
        "media_type_mismatch",
        f"The file is named or declared as {SUPPORTED[expected]} but its content is {content}. "
        "Upload the original file under its own name.",
    )


def _unsupported(filename: str, found: str | None) -> DocumentRejectedError:
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    what = (
        f"Files of type {suffix} can't be read" if suffix else f"The file is {found or 'of an unknown kind'}"
    )
    names = ", ".join(SUPPORTED.values())
    return DocumentRejectedError("unsupported_media_type", f"{what}. Supported are {names}.")
