"""Markdown (CommonMark with tables) as the text a reader sees: no markers, link targets or comments."""

import html
import re
from collections.abc import Callable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from secretariat.retrieval.parse.charset import decode
from secretariat.retrieval.parse.dates import iso_date
from secretariat.retrieval.parse.limits import ParseLimits
from secretariat.retrieval.parse.text import Extracted, TextBuilder, normalise

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE | re.IGNORECASE)
_FRONT_DATE = re.compile(r"^date:[ \t]*['\"]?(\d{4}-\d\d-\d\d)", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SILENT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def extract(data: bytes, limits: ParseLimits) -> Extracted:
    source = normalise(decode(data))
    front = _FRONT_MATTER.match(source)
    titled = _FRONT_TITLE.search(front[1]) if front else None
    body = source[front.end() :] if front else source
    tokens = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table").parse(body)
    writer = _Writer(TextBuilder(limits.characters))
    writer.write(tokens)
    if writer.pictures:
        writer.builder.note(
            "images_skipped", f"{writer.pictures} images were left out; their captions were kept."
        )
    dated = _FRONT_DATE.search(front[1]) if front else None
    return writer.builder.finish(titled[2] if titled else None, iso_date(dated[1]) if dated else None)


class _Writer:
    """Walks markdown-it's flat token list; `_marks` holds list markers that wait for their text."""

    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self._lists: list[int | None] = []
        self._marks: list[str] = []
        self._cells: list[str] = []
        self._within = "paragraph_open"
        self._level = 1
        self.pictures = 0
        self._handlers: dict[str, Callable[[Token], None]] = {
            "heading_open": self._open,
            "paragraph_open": self._open,
            "table_open": lambda _token: self.builder.part(),
            "th_open": self._open,
            "td_open": self._open,
            "bullet_list_open": self._open_list,
            "ordered_list_open": self._open_list,
            "bullet_list_close": self._close_list,
            "ordered_list_close": self._close_list,
            "list_item_open": self._open_item,
            "inline": self._inline,
            "tr_close": self._close_row,
            "fence": self._verbatim,
            "code_block": self._verbatim,
            "html_block": self._html,
        }

    def write(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            handler = self._handlers.get(token.type)
            if handler:
                handler(token)

    def _open(self, token: Token) -> None:
        self._within = token.type
        if token.type == "heading_open":
            self._level = int(token.tag[1])

    def _open_list(self, token: Token) -> None:
        ordered = token.type.startswith("ordered")
        self._lists.append(int(token.attrGet("start") or 1) if ordered else None)

    def _close_list(self, _token: Token) -> None:
        self._lists.pop()

    def _open_item(self, _token: Token) -> None:
        number = self._lists[-1]
        if number is None:
            self._marks.append("- ")
        else:
            self._marks.append(f"{number}. ")
            self._lists[-1] = number + 1

    def _inline(self, token: Token) -> None:
        text = "".join(_visible(token.children or ()))
        self.pictures += sum(child.type == "image" for child in token.children or ())
        if self._within == "heading_open":
            self.builder.heading(text, self._level)
        elif self._within in {"th_open", "td_open"}:
            self._cells.append(text)
        elif self._lists:
            mark = self._marks.pop() if self._marks else ""
            self._marks.clear()
            self.builder.line(mark + text, kind="list")
        elif "\n" in text:
            self.builder.verbatim(text)
        else:
            self.builder.paragraph(text)

    def _close_row(self, _token: Token) -> None:
        self.builder.row(self._cells)
        self._cells = []

    def _verbatim(self, token: Token) -> None:
        self.builder.verbatim(token.content, kind="code")

    def _html(self, token: Token) -> None:
        shown = _TAG.sub(" ", _SILENT.sub("", _COMMENT.sub("", token.content)))
        self.builder.paragraph(html.unescape(shown))


def _visible(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in {"text", "code_inline"}:
            yield token.content
        elif token.type == "softbreak":
            yield " "
        elif token.type == "hardbreak":
            yield "\n"
        elif token.type == "image":
            yield token.content
