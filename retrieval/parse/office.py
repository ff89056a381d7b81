"""Packages of parts (Office Open XML, EPUB, ZIP): checked before anything is inflated, XML without entities."""

import io
import re
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
_KINDS = "[Content_Types].xml"
_OTHER_KIND = re.compile(rb"presentationml\.(?:slideshow|template)\.main\+xml")
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
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


def read(opened: zipfile.ZipFile, name: str) -> bytes:
    """A part; one in the strict form of the standard in the usual form, which libraries know."""
    return _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", opened.read(name))


def usual(data: bytes, opened: zipfile.ZipFile, main: str, *, without: str = "") -> io.BytesIO:
    """The package as libraries know packages: in the usual form of the standard, and no template or slide show.

    `main` is the part that tells, `without` one to leave out.
    """
    kinds = opened.read(_KINDS) if _KINDS in opened.namelist() else b""
    strict = main in opened.namelist() and _STRICT.search(opened.read(main))
    if not (strict or without or _OTHER_KIND.search(kinds)):
        return io.BytesIO(data)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name in dict.fromkeys(opened.namelist()):
            if name == _KINDS:
                target.writestr(name, _OTHER_KIND.sub(rb"presentationml.presentation.main+xml", kinds))
            elif name != without:
                target.writestr(
                    name, read(opened, name) if name.endswith((".xml", ".rels")) else opened.read(name)
                )
    written.seek(0)
    return written


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
