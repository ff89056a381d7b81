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
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
VTT = "text/vtt"
SRT = "application/x-subrip"
EPUB = "application/epub+zip"
JSON = "application/json"
JSONL = "application/jsonl"
ZIP = "application/zip"
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"

SUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        PDF: "PDF (.pdf)",
        DOCX: "Word (.docx)",
        PPTX: "PowerPoint (.pptx)",
        XLSX: "Excel (.xlsx)",
        CSV: "tables (.csv, .tsv)",
        HTML: "HTML (.html)",
        MARKDOWN: "Markdown (.md)",
        PLAIN: "plain text (.txt)",
        EML: "mails (.eml)",
        MSG: "Outlook mails (.msg)",
        VTT: "transcripts (.vtt)",
        SRT: "subtitles (.srt)",
        EPUB: "books (.epub)",
        JSON: "JSON (.json)",
        JSONL: "JSON lines (.jsonl)",
        ZIP: "archives of these (.zip)",
        PNG: "images with text (.png)",
        JPEG: "photos with text (.jpg)",
        TIFF: "scans (.tif)",
    }
)
_TEXTUAL = frozenset({CSV, HTML, MARKDOWN, PLAIN, EML, VTT, SRT, JSON, JSONL})
_IMAGES = frozenset({PNG, JPEG, TIFF})
_OFFICE = {DOCX: b"word/", PPTX: b"ppt/", XLSX: b"xl/"}
_PACKAGES = frozenset({*_OFFICE, EPUB, ZIP})
ARCHIVES = frozenset({ZIP, EML, MSG})
_BY_SUFFIX = {
    ".pdf": PDF,
    ".docx": DOCX, ".docm": DOCX, ".dotx": DOCX,
    ".pptx": PPTX, ".pptm": PPTX, ".ppsx": PPTX, ".potx": PPTX,
    ".xlsx": XLSX, ".xlsm": XLSX, ".xltx": XLSX,
    ".csv": CSV, ".tsv": CSV,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML,
    ".md": MARKDOWN, ".markdown": MARKDOWN,
    ".txt": PLAIN, ".text": PLAIN,
    ".eml": EML, ".msg": MSG,
    ".vtt": VTT, ".srt": SRT,
    ".epub": EPUB,
    ".json": JSON, ".jsonl": JSONL, ".ndjson": JSONL,
    ".zip": ZIP,
    ".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".tif": TIFF, ".tiff": TIFF,
}  # fmt: skip
_SAVE_AS = {
    ".doc": ".docx", ".dot": ".docx", ".rtf": ".docx", ".odt": ".docx", ".pages": ".docx",
    ".xls": ".xlsx", ".ods": ".xlsx", ".numbers": ".xlsx",
    ".ppt": ".pptx", ".pps": ".pptx", ".odp": ".pptx", ".key": ".pptx",
    ".gif": ".png", ".bmp": ".png", ".webp": ".png", ".heic": ".jpg",
    ".rar": ".zip", ".7z": ".zip", ".tar": ".zip", ".gz": ".zip", ".mobi": ".epub", ".ps": ".pdf",
}  # fmt: skip
_ALIASES = {
    "application/x-pdf": PDF,
    "application/xhtml+xml": HTML,
    "text/x-markdown": MARKDOWN,
    "text/tab-separated-values": CSV,
    "application/csv": CSV,
    "text/srt": SRT,
    "text/json": JSON,
    "application/x-ndjson": JSONL,
    "application/x-jsonlines": JSONL,
    "application/x-zip-compressed": ZIP,
    "image/jpg": JPEG,
}
_ZIP = "a ZIP archive"
_OLE = "an old Microsoft Office file"
_MAGIC = (
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
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
_HTML_START = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*+(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)


def sniff(head: bytes, filename: str, declared: str | None) -> str:
    """The media type to parse a file as.

    `head` is the whole file, or at least its first 8 KiB; the more it shows, the more can be refused here.
    Raises DocumentRejectedError for what can be known at once: nothing in it, a type that can't be read,
    a name or declared type that the content contradicts.
    """
    if not head:
        raise DocumentRejectedError(
            "empty_file", "The file is empty. Check the original and upload it again."
        )
    claimed = _claimed(filename, declared)
    found = _found(head)
    expected = claimed or _guess(head, found)
    if expected is None:
        raise _unsupported(PurePosixPath(filename.replace("\\", "/")).suffix.lower(), found)
    _compare(expected, found, head)
    return expected


def encrypted_pdf() -> DocumentRejectedError:
    return DocumentRejectedError(
        "encrypted_document",
        "The PDF can't be opened without a password. Remove the password and upload it again.",
    )


def encrypted_office(kind: str) -> DocumentRejectedError:
    suffix = _suffix_of(kind)
    return DocumentRejectedError(
        "encrypted_document",
        f"The {_name_of(kind)} file is password-protected or in the format of Office 97-2003. "
        f"Save it as {suffix} without a password and upload it again.",
    )


def not_that_office(kind: str) -> DocumentRejectedError:
    name, suffix = _name_of(kind), _suffix_of(kind)
    return DocumentRejectedError(
        "media_type_mismatch",
        f"The file is named {suffix} but is no {name} document. "
        f"Open it in {name}, save it as {suffix} and upload it again.",
    )


def _name_of(kind: str) -> str:
    return SUPPORTED[kind].split(" (")[0]


def _suffix_of(kind: str) -> str:
    return SUPPORTED[kind].split("(")[1].rstrip(")")


def _claimed(filename: str, declared: str | None) -> str | None:
    """What name and declared type say, None when they say nothing."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    by_name = _BY_SUFFIX.get(suffix)
    stated = (declared or "").split(";")[0].strip().lower()
    stated = _ALIASES.get(stated, stated)
    if by_name and _conflict(by_name, stated):
        raise DocumentRejectedError(
            "media_type_mismatch",
            f"The file was sent as {stated} but is named {suffix}. "
            "Give it the name of its type and upload it again.",
        )
    if by_name is None and re.fullmatch(r"\.[a-z][a-z0-9]{0,5}", suffix):
        raise _unsupported(suffix, None)
    return by_name or (stated if stated in SUPPORTED else None)


def _conflict(by_name: str, stated: str) -> bool:
    if {by_name, stated} <= _IMAGES or {by_name, stated} <= _TEXTUAL or (by_name, stated) == (XLSX, CSV):
        return False
    if stated == ZIP and by_name in _PACKAGES:
        return False
    return stated.startswith(_FOREIGN) or (stated in SUPPORTED and stated != by_name)


def _found(head: bytes) -> str | None:
    """PDF, PLAIN for anything that reads as text, a phrase for known binary content, None for unknown."""
    for magic, phrase in _MAGIC:
        if head.startswith(magic):
            return phrase
    if b"%PDF-" in head[:1024]:
        return PDF
    return PLAIN if looks_like_text(head) else None


def _guess(head: bytes, found: str | None) -> str | None:
    """For a file with no telling name and no declared type."""
    if found == _ZIP:
        return _package(head)
    if found == PLAIN:
        return HTML if _HTML_START.match(head) else PLAIN
    return found if found in SUPPORTED else None


def _package(head: bytes) -> str:
    if b"mimetypeapplication/epub+zip" in head[:128]:
        return EPUB
    return next((kind for kind, folder in _OFFICE.items() if folder in head), ZIP)


def _compare(expected: str, found: str | None, head: bytes) -> None:
    if expected in _OFFICE and found == _OLE:
        raise encrypted_office(expected)
    if expected in _OFFICE and found == _ZIP and _package(head) in _OFFICE.keys() - {expected}:
        raise not_that_office(expected)
    if (expected in _PACKAGES and found == _ZIP) or (expected == MSG and found == _OLE):
        return
    if found == (PLAIN if expected in _TEXTUAL else expected) or (expected in _IMAGES and found in _IMAGES):
        return
    content = {PDF: "a PDF", PLAIN: "plain text", None: "of an unknown kind"}.get(found) or _phrase(found)
    raise DocumentRejectedError(
        "media_type_mismatch",
        f"The file is named or declared as {SUPPORTED[expected]} but its content is {content}. "
        "Upload the original file under its own name.",
    )


def _phrase(found: str | None) -> str:
    images = {PNG: "a PNG image", JPEG: "a JPEG image", TIFF: "a TIFF image"}
    return images.get(found or "", found or "of an unknown kind")


def _unsupported(suffix: str, found: str | None) -> DocumentRejectedError:
    what = f"Files of type {suffix} can't be read" if suffix else f"The file is {_phrase(found)}"
    if suffix in _SAVE_AS:
        message = f"{what}. Save it as {_SAVE_AS[suffix]} and upload that."
    else:
        message = f"{what}. Supported are {', '.join(SUPPORTED.values())}."
    return DocumentRejectedError("unsupported_media_type", message)
