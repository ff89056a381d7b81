"""Books (EPUB 2 and 3): the chapters in the order of the spine, each read as the web page it is."""

import posixpath
import zipfile
from datetime import date
from urllib.parse import unquote

from lxml import etree

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import html, office
from secretariat.retrieval.parse.dates import iso_date
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import EPUB
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    builder = TextBuilder(limits.characters)
    with office.package(data, EPUB, limits) as package:
        book, folder = _book(package)
        for path in _spine(book, folder):
            try:
                chapter = html.extract(package.read(path), limits)
            except (KeyError, zipfile.BadZipFile, DocumentRejectedError):
                if path not in package.namelist():
                    builder.note("chapter_missing", f"The chapter {path} is missing in the book.")
                continue
            builder.embed(chapter, 0)
        if not builder.written and _ENCRYPTION in package.namelist():
            raise DocumentRejectedError(
                "encrypted_document", "The book is protected against copying. Upload one that isn't."
            )
    return builder.finish(_first(book, "title"), _dated(book))


def _book(package: zipfile.ZipFile) -> tuple[etree._Element, str]:
    """The package document and its folder."""
    names = package.namelist()
    path = next((name for name in names if name.lower().endswith(".opf")), "")
    if _CONTAINER in names:
        container = office.xml(package.read(_CONTAINER))
        path = next((str(root.get("full-path")) for root in container.iterfind(".//{*}rootfile")), path)
    if path not in names:
        raise DocumentRejectedError(
            "media_type_mismatch", "The file is named .epub but is no book. Upload the original file."
        )
    return office.xml(package.read(path)), posixpath.dirname(path)


def _spine(book: etree._Element, folder: str) -> list[str]:
    items = {
        item.get("id"): item.get("href") or ""
        for item in book.iterfind(".//{*}manifest/{*}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    ordered = [items.get(reference.get("idref")) for reference in book.iterfind(".//{*}spine/{*}itemref")]
    return [posixpath.normpath(posixpath.join(folder, unquote(href))) for href in ordered if href]


def _first(book: etree._Element, name: str) -> str | None:
    return book.findtext(f".//{{*}}metadata/{{http://purl.org/dc/elements/1.1/}}{name}")


def _dated(book: etree._Element) -> date | None:
    return iso_date(_first(book, "date"))
