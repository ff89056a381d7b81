"""Word documents (Office Open XML, ECMA-376): headings, paragraphs, lists and tables in document order.

Footnotes and endnotes follow the paragraph that refers to them. Reads five parts of the package and no other.
Text that tracked changes inserted counts, text they deleted doesn't.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from secretariat.retrieval.parse import office
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.media import DOCX, not_that_office
from secretariat.retrieval.parse.text import Extracted, TextBuilder, squash

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}rPr", f"{_W}txbxContent", _FALLBACK})
_NOTES = {
    f"{_W}footnoteReference": ("word/footnotes.xml", f"{_W}footnote"),
    f"{_W}endnoteReference": ("word/endnotes.xml", f"{_W}endnote"),
}
"""By what refers to it: where a note stands, and as what."""


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    with office.package(data, DOCX, limits) as package:
        names = set(package.namelist())
        if "word/document.xml" not in names:
            raise not_that_office(DOCX)
        body = office.xml(office.read(package, "word/document.xml"))
        styles = _styles(office.read(package, "word/styles.xml")) if "word/styles.xml" in names else {}
        core = office.properties(package)
        notes = _notes(package)
        pictures = sum(name.startswith("word/media/") for name in names)
    builder = TextBuilder(limits.characters)
    title = core.title
    for block in _blocks(body):
        if block.tag == f"{_W}tbl":
            _write_table(block, builder)
        else:
            title = _write_paragraph(block, styles, builder) or title
            for reference in block.iter(*_NOTES):
                builder.paragraph(notes.get((reference.tag, reference.get(f"{_W}id")), ""))
    if pictures:
        builder.note("images_skipped", f"{pictures} images were left out: letters in them aren't read.")
    return builder.finish(title, core.dated)


def _notes(package: zipfile.ZipFile) -> dict[tuple[str, str | None], str]:
    """Texts by the kind and number that paragraphs refer to them by."""
    found: dict[tuple[str, str | None], str] = {}
    for reference, (part, tag) in _NOTES.items():
        if part in package.namelist():
            for note in office.xml(office.read(package, part)).iterfind(tag):
                words = squash(" ".join(_text(paragraph) for paragraph in note.iter(f"{_W}p")))
                if words:
                    found[reference, note.get(f"{_W}id")] = f"Note: {words}"
    return found


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    outline: int | None
    based_on: str | None


def _styles(data: bytes) -> dict[str, _Style]:
    styles: dict[str, _Style] = {}
    for style in office.xml(data).iterfind(f"{_W}style"):
        name, based = style.find(f"{_W}name"), style.find(f"{_W}basedOn")
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        styles[style.get(f"{_W}styleId") or ""] = _Style(
            name="" if name is None else name.get(f"{_W}val") or "",
            outline=_level(outline),
            based_on=None if based is None else based.get(f"{_W}val"),
        )
    return styles


def _level(outline: etree._Element | None) -> int | None:
    """Outline level 1 to 9 from Word's 0 to 8; Word's 9 is body text."""
    value = None if outline is None else outline.get(f"{_W}val")
    return int(value) + 1 if value and value.isdigit() and int(value) < 9 else None


def _blocks(root: etree._Element) -> Iterator[etree._Element]:
    """Paragraphs and outermost tables in document order; a paragraph's text boxes follow it."""
    walk = etree.iterwalk(root, events=("start",), tag=(f"{_W}p", f"{_W}tbl", *_SKIPPED))
    for _, element in walk:
        walk.skip_subtree()
        if element.tag in _SKIPPED:
            continue
        yield element
        if element.tag == f"{_W}p":
            for box in element.iter(f"{_W}txbxContent"):
                if next(box.iterancestors(_FALLBACK, f"{_W}txbxContent"), None) is None:
                    yield from box.iter(f"{_W}p")


def _write_paragraph(block: etree._Element, styles: dict[str, _Style], builder: TextBuilder) -> str | None:
    """The text when the paragraph is the document's title."""
    text = _text(block)
    kind = _kind(block, styles)
    if kind == "title":
        builder.heading(text, 1)
        return text
    if isinstance(kind, int):
        builder.heading(text, kind)
    elif kind == "list":
        builder.line(f"- {text.strip()}" if text.strip() else "", kind="list")
    elif "\n" in text.strip():
        builder.verbatim(text)
    else:
        builder.paragraph(text)
    return None


def _kind(block: etree._Element, styles: dict[str, _Style]) -> int | str | None:
    """Heading level, "title", "list" or None for a plain paragraph."""
    own = _level(block.find(f"{_W}pPr/{_W}outlineLvl"))
    if own is not None:
        return own
    reference = block.find(f"{_W}pPr/{_W}pStyle")
    style_id = None if reference is None else reference.get(f"{_W}val")
    listed = block.find(f"{_W}pPr/{_W}numPr") is not None
    for _ in range(10):
        style = styles.get(style_id or "")
        if style is None:
            break
        heading = _HEADING.match(style.name)
        if heading:
            return int(heading[1])
        if style.name.lower() == "title":
            return "title"
        if style.outline is not None:
            return style.outline
        listed = listed or style.name.lower().startswith("list")
        style_id = style.based_on
    return "list" if listed else None


def _text(block: etree._Element) -> str:
    parts: list[str] = []
    walk = etree.iterwalk(block, events=("start",))
    for _, element in walk:
        tag = element.tag
        if tag in _SKIPPED:
            walk.skip_subtree()
        elif tag == f"{_W}t":
            parts.append(element.text or "")
        elif tag in {f"{_W}tab", f"{_W}ptab"}:
            parts.append(" ")
        elif tag == f"{_W}noBreakHyphen":
            parts.append("-")
        elif tag in {f"{_W}br", f"{_W}cr"}:
            parts.append(" " if element.get(f"{_W}type") in {"page", "column"} else "\n")
    return "".join(parts)


def _write_table(table: etree._Element, builder: TextBuilder) -> None:
    builder.part()
    for row in table.iterfind(f".//{_W}tr"):
        if next(row.iterancestors(f"{_W}tbl")) is not table:
            continue
        cells = [cell for cell in row.iter(f"{_W}tc") if next(cell.iterancestors(f"{_W}tr")) is row]
        builder.row([_cell(cell) for cell in cells if not _merged_away(cell)])


def _merged_away(cell: etree._Element) -> bool:
    """An old way to merge cells of a row: all but the first are marked and empty."""
    merge = cell.find(f"{_W}tcPr/{_W}hMerge")
    return merge is not None and merge.get(f"{_W}val") != "restart"


def _cell(cell: etree._Element) -> str:
    return " ".join(_text(paragraph) for paragraph in cell.iter(f"{_W}p"))
