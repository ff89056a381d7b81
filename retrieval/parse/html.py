"""HTML as a reader sees it: no scripts, styles, navigation or hidden elements; tables as rows.

One pass over the tree without recursion, so that no depth of nesting can exhaust the stack.
"""

import re
from datetime import date
from typing import cast

from lxml import etree

from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.dates import iso_date
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder

_DROPPED = frozenset(
    """script style nav noscript template svg canvas iframe object embed audio video button select input
    textarea datalist dialog head
    """.split()  # noqa: SIM905 - words read best as words
)
_BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody td tfoot
    th thead tr ul
    """.split()  # noqa: SIM905 - words read best as words
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_DECLARED = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_DATES = (
    "article:modified_time", "dcterms.modified", "last-modified", "article:published_time", "dcterms.created",
    "dcterms.date", "dc.date", "date",
)  # fmt: skip
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*0(?![.\d]*[1-9])", re.IGNORECASE
)


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    root = _tree(_decoded(data).encode("utf-8", errors="replace"))
    title = root.findtext(".//title")
    mains = root.findall(".//main")
    walker = _Walker(TextBuilder(limits.characters))
    walker.walk(mains[0] if len(mains) == 1 else root)
    if walker.pictures:
        walker.builder.note(
            "images_skipped", f"{walker.pictures} images were left out; their captions were kept."
        )
    return walker.builder.finish(title, _dated(root))


def _dated(root: etree._Element) -> date | None:
    """What the page says of itself: when it was changed, else when it was published."""
    stated: dict[str, date] = {}
    for meta in root.iterfind(".//meta"):
        found = iso_date(meta.get("content"))
        if found:
            stated[(meta.get("property") or meta.get("name") or "").lower()] = found
    return next((stated[name] for name in _DATES if name in stated), None)


def _tree(source: bytes) -> etree._Element:
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    root = etree.fromstring(source, parser) if source.strip() else None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentRejectedError(
            "too_deep",
            "The page's elements are nested too deeply to be read. Save it in a simpler form and upload it again.",
        )
    if root is None:
        raise DocumentRejectedError(
            "no_text", "The page holds no text. Check the original and upload it again."
        )
    return root


def _decoded(data: bytes) -> str:
    declared = _DECLARED.search(data[:2048])
    if declared and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            return data.decode((declared[1] or declared[2]).decode("ascii"), errors="replace")
        except LookupError:
            return decode(data)
    return decode(data)


class _Walker:
    """Collects inline text until a block begins or ends, then writes it as what the open elements say."""

    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self._pending: list[str] = []
        self._cells: list[str] = []
        self._tables = 0
        self._lists: list[int | None] = []
        self._mark = ""
        self._pre = 0
        self.pictures = 0

    def walk(self, root: etree._Element) -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = cast("str", element.tag)
            if event == "start":
                if tag in _DROPPED or _hidden(element):
                    walk.skip_subtree()
                    continue
                self._start(tag, element)
            else:
                if not (tag in _DROPPED or _hidden(element)):
                    self._end(tag)
                if element is not root and element.tail:
                    self._pending.append(element.tail)
        self._flush(None)

    def _start(self, tag: str, element: etree._Element) -> None:
        if tag in _BLOCKS:
            self._boundary(None)
        if tag == "table":
            self._open_table()
        elif tag in {"ul", "ol"}:
            self._lists.append(_list_start(element) if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._next_mark()
        elif tag == "pre":
            self._pre += 1
        elif tag == "br":
            self._pending.append("\n" if self._pre else " ")
        elif tag in {"td", "th"} and self._tables == 1:
            self._pending.clear()
        if tag == "img":
            self.pictures += 1
            self._pending.append(element.get("alt") or "")
        if element.text:
            self._pending.append(element.text)

    def _open_table(self) -> None:
        self._tables += 1
        if self._tables == 1:
            self.builder.part()

    def _end(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._boundary(tag)
        if tag in {"td", "th"} and self._tables == 1:
            self._cells.append("".join(self._pending))
            self._pending.clear()
        elif tag == "tr" and self._tables == 1:
            self.builder.row(self._cells)
            self._cells = []
        elif tag == "table":
            self._tables = max(0, self._tables - 1)
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)

    def _boundary(self, closing: str | None) -> None:
        """A block begins or ends: inside a cell that is a space, elsewhere the text so far is a block."""
        if self._tables and closing != "caption":
            self._pending.append(" ")
        else:
            self._flush(closing)

    def _flush(self, closing: str | None) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        if not text.strip():
            return
        if closing in _HEADINGS:
            self.builder.heading(text, _HEADINGS[closing])
        elif self._pre:
            self.builder.verbatim(text, kind="code")
        elif self._lists:
            self.builder.line(self._mark + text.lstrip(), kind="list")
            self._mark = ""
        else:
            self.builder.paragraph(text)

    def _next_mark(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "


def _list_start(element: etree._Element) -> int:
    start = element.get("start") or ""
    return int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1


def _hidden(element: etree._Element) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return bool(_INVISIBLE.search(element.get("style") or ""))
