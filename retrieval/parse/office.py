"""Packages of parts (Office Open XML, EPUB, ZIP): checked before anything is inflated, XML without entities."""

import io
import zipfile
from dataclasses import dataclass
from datetime import date

from lxml import etree

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.dates import iso_date
from secretariat.retrieval.parse.limits import MIB, ParseLimits
from secretariat.retrieval.parse.media import DOCX, PPTX, SUPPORTED, XLSX, encrypted_office

_ARCHIVES = (".zip", ".docx", ".xlsx", ".pptx", ".jar", ".gz", ".7z", ".rar")
_OFFICE = (DOCX, PPTX, XLSX)
_CORE = "docProps/core.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_TERMS = "{http://purl.org/dc/terms/}"


@dataclass(frozen=True, slots=True)
class Properties:
    title: str | None = None
    dated: date | None = None


def package(data: bytes, kind: str, limits: ParseLimits) -> zipfile.ZipFile:
    """Raises DocumentRejectedError for what isn't safe to open."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise encrypted_office(kind)
    opened = zipfile.ZipFile(io.BytesIO(data))
    _check(opened.infolist(), kind, limits)
    return opened


def _check(entries: list[zipfile.ZipInfo], kind: str, limits: ParseLimits) -> None:
    """Refuses a package that inflates beyond reason. `zipfile` never reads past the sizes declared here."""
    if len(entries) > limits.archive_entries:
        raise _bomb(kind, f"has {len(entries):,} parts")
    total = sum(entry.file_size for entry in entries)
    if total > limits.archive_bytes:
        raise _bomb(kind, f"unpacks to {total / MIB:,.0f} MB")
    for entry in entries:
        if entry.file_size > MIB and entry.file_size > limits.archive_ratio * max(1, entry.compress_size):
            raise _bomb(kind, "is compressed beyond what documents are")
        if kind in _OFFICE:
            _check_part(entry, kind)


def _check_part(entry: zipfile.ZipInfo, kind: str) -> None:
    if entry.flag_bits & 1:
        raise encrypted_office(kind)
    if entry.filename.lower().endswith(_ARCHIVES) and "/embeddings/" not in entry.filename:
        raise _bomb(kind, "has another archive inside")


def _bomb(kind: str, why: str) -> DocumentRejectedError:
    return DocumentRejectedError(
        "decompression_bomb",
        f"The file ({SUPPORTED[kind]}) {why}, which is not safe to open. "
        "Copy what you need into a new document and upload that.",
    )


def xml(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(data, parser)


def properties(opened: zipfile.ZipFile) -> Properties:
    """Title and last change as the document states them; nothing where they are damaged."""
    if _CORE not in opened.namelist():
        return Properties()
    try:
        core = xml(opened.read(_CORE))
    except (etree.XMLSyntaxError, zipfile.BadZipFile):
        return Properties()
    dated = iso_date(core.findtext(f"{_TERMS}modified")) or iso_date(core.findtext(f"{_TERMS}created"))
    return Properties(core.findtext(_TITLE), dated)
