"""The plain text of a document under construction: normalised characters, exact offsets.

Every parser writes blocks into a TextBuilder; offsets of sections, pages, tables and placed lines are taken as
the text grows, so they are exact whatever the format was. Knows no format.
"""

import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from secretariat.retrieval.core import CELLS_APART, Block, PageSpan, ParseNote, Section, Span
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse.places import pack

Kind = Literal["table", "list", "code"]
Placed = tuple[int, int, int, float, float, float, float]
"""start, end, page, left, top, right, bottom of a line."""

MOST_NOTES = 200
_DEEPEST = 6
LONGEST_TITLE = 300  # a name; whoever searches or lists by it expects no page of text
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Controls, soft hyphens, zero-width and direction marks, surrogates, non-characters and the invisible
# "tag" letters: no reader sees them, a model would.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a parser found. `title` is None when the document doesn't name itself; `lines` are packed."""

    title: str | None
    text: str
    sections: tuple[Section, ...]
    pages: tuple[PageSpan, ...]
    dated: date | None = None
    lines: bytes = b""
    blocks: tuple[Block, ...] = ()
    notes: tuple[ParseNote, ...] = ()


def normalise(text: str) -> str:
    """NFC, plain spaces and line feeds, nothing invisible."""
    if text.isprintable():  # no breaks, odd spaces or invisible characters then
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    text = _SPACES.sub(" ", _BREAKS.sub("\n", text))
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text))


def squash(text: str) -> str:
    """On one line: every run of white space is a single space."""
    return " ".join(normalise(text).split())


def shortened(name: str, most: int = LONGEST_TITLE) -> str:
    """At most so long, cut after a word if there is one."""
    if len(name) <= most:
        return name
    cut = name[: most - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


class TextBuilder:
    """Appends blocks; paragraphs stand apart by an empty line, list items and table rows by a line feed.

    Each writing method returns where its text starts. `ready` texts are squashed already.
    """

    def __init__(self, characters: int) -> None:
        self._limit = characters
        self._parts: list[str] = []
        self._length = 0
        self._tight = False
        self._run: Kind | None = None
        self._sections: list[Section] = []
        self._page_starts: list[tuple[int, int, float, float]] = []
        self._page_waiting: tuple[int, float, float] | None = None
        self._lines: array[float] = array("d")
        self._blocks: list[Block] = []
        self._notes: list[ParseNote] = []

    @property
    def room(self) -> int:
        """How many characters may still come."""
        return max(1, self._limit - self._length)

    @property
    def written(self) -> bool:
        return self._length > 0

    def heading(self, title: str, level: int, *, ready: bool = False) -> int:
        """The text has all of it, the section a name of bearable length."""
        title = title if ready else squash(title)
        if not title:
            return self._length
        start = self._append(title, "\n\n")
        self._sections.append(Section(shortened(title), min(level, _DEEPEST), start))
        return start

    def paragraph(self, text: str, *, ready: bool = False) -> int:
        return self._append(text if ready else squash(text), "\n\n")

    def continuation(self, text: str, *, ready: bool = False) -> int:
        """More of the last paragraph, where a page ended in the middle of it."""
        return self._append(text if ready else squash(text), " ")

    def line(self, text: str, *, ready: bool = False, kind: Kind | None = None) -> int:
        """A list item, a table row, or a line of something laid out in lines."""
        text = text if ready else squash(text)
        if not text:
            return self._length
        tight, before = self._tight, self._run
        start = self._append(text, "\n" if tight else "\n\n")
        self._tight, self._run = True, kind
        if kind and tight and kind == before:
            start_of_block = self._blocks.pop().span.start
            self._blocks.append(Block(kind, Span(start_of_block, self._length)))
        elif kind:
            self._blocks.append(Block(kind, Span(start, self._length)))
        return start

    def row(self, cells: Sequence[str], *, ready: bool = False) -> int:
        """A table row: `a | b | c`; empty cells at its end are left out."""
        texts = list(cells) if ready else [squash(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        return self.line(CELLS_APART.join(texts).strip(), ready=True, kind="table")

    def part(self) -> None:
        """Lines and rows that follow are another list or table."""
        self._tight = False

    def verbatim(self, text: str, *, kind: Kind | None = None) -> int:
        """A block whose line breaks count: code, verse, an address."""
        lines = [line.rstrip() for line in normalise(text).expandtabs(4).split("\n")]
        start = self._append("\n".join(lines).strip("\n"), "\n\n")
        if kind and start < self._length:
            self._blocks.append(Block(kind, Span(start, self._length)))
        return start

    def page(self, number: int, width: float = 0.0, height: float = 0.0) -> None:
        """What follows stands on page `number`."""
        self._page_waiting = (number, width, height)

    def place(self, line: Placed) -> None:
        self._lines.extend(line)

    def note(self, code: str, message: str, page: int | None = None) -> None:
        """For the document's report. More than any reader would read are not kept."""
        if len(self._notes) < MOST_NOTES:
            self._notes.append(ParseNote(code, message, page))

    def embed(self, found: Extracted, level: int) -> None:
        """Another document's text as it is, its headings `level` deeper. Its pages aren't this document's."""
        start = self._append(found.text, "\n\n")
        for section in found.sections:
            deeper = min(section.level + level, _DEEPEST)
            self._sections.append(replace(section, level=deeper, start=section.start + start))
        for block in found.blocks:
            span = Span(block.span.start + start, block.span.end + start)
            self._blocks.append(replace(block, span=span))
        for note in found.notes:
            self.note(note.code, note.message, note.page)

    def finish(self, title: str | None = None, dated: date | None = None) -> Extracted:
        ends = [start for _, start, _, _ in self._page_starts[1:]] + [self._length]
        numbered = zip(self._page_starts, ends, strict=False)
        pages = [
            PageSpan(page, Span(start, end), width, height) for (page, start, width, height), end in numbered
        ]
        named = shortened(squash(title or "")) or next(
            (s.title for s in self._sections if s.level == 1), None
        )
        return Extracted(
            named, "".join(self._parts), tuple(self._sections), tuple(pages), dated,
            pack(self._lines), tuple(self._blocks), tuple(self._notes),
        )  # fmt: skip

    def _append(self, text: str, separator: str) -> int:
        """Where the text starts."""
        if not text:
            return self._length
        self._tight = False
        if self._length:
            self._push(separator)
        start = self._length
        if self._page_waiting is not None:
            number, width, height = self._page_waiting
            self._page_starts.append((number, start, width, height))
            self._page_waiting = None
        self._push(text)
        return start

    def _push(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > self._limit:
            raise DocumentRejectedError(
                "too_large",
                f"The document holds more than {self._limit:,} characters of text. "
                "Split it into parts and upload those.",
            )
