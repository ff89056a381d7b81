"""The plain text of a document under construction: normalised characters, exact offsets.

Every parser writes blocks into a TextBuilder; offsets of sections and pages are taken as the text grows, so
they are exact whatever the format was. Knows no format.
"""

import re
import unicodedata
from dataclasses import dataclass

from secretariat.retrieval.core import PageSpan, Section, Span
from secretariat.retrieval.errors import DocumentRejectedError

_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Controls, soft hyphens, zero-width and direction marks, surrogates, non-characters and the invisible
# "tag" letters: no reader sees them, a model would.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a parser found. `title` is None when the document doesn't name itself."""

    title: str | None
    text: str
    sections: tuple[Section, ...]
    pages: tuple[PageSpan, ...]


def normalise(text: str) -> str:
    """NFC, plain spaces and line feeds, nothing invisible."""
    text = _SPACES.sub(" ", _BREAKS.sub("\n", text))
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text))


def squash(text: str) -> str:
    """On one line: every run of white space is a single space."""
    return _BLANKS.sub(" ", normalise(text)).strip()


class TextBuilder:
    """Appends blocks; paragraphs stand apart by an empty line, list items and table rows by a line feed."""

    def __init__(self, characters: int) -> None:
        self._limit = characters
        self._parts: list[str] = []
        self._length = 0
        self._tight = False
        self._sections: list[Section] = []
        self._page_starts: list[tuple[int, int]] = []
        self._page_waiting: int | None = None

    def heading(self, title: str, level: int) -> None:
        title = squash(title)
        if title:
            start = self._append(title, "\n\n")
            self._sections.append(Section(title, level, start))

    def paragraph(self, text: str) -> None:
        self._append(squash(text), "\n\n")

    def continuation(self, text: str) -> None:
        """More of the last paragraph, where a page ended in the middle of it."""
        self._append(squash(text), " ")

    def line(self, text: str) -> None:
        """A list item or a line of something laid out in lines."""
        tight = self._tight
        self._append(squash(text), "\n" if tight else "\n\n")
        self._tight = True

    def row(self, cells: list[str]) -> None:
        """A table row: `a | b | c`."""
        squashed = [squash(cell) for cell in cells]
        if any(squashed):
            self.line(" | ".join(squashed))

    def verbatim(self, text: str) -> None:
        """A block whose line breaks count: code, verse, an address."""
        lines = [line.rstrip() for line in normalise(text).expandtabs(4).split("\n")]
        self._append("\n".join(lines).strip("\n"), "\n\n")

    def page(self, number: int) -> None:
        """What follows stands on page `number`."""
        self._page_waiting = number

    def finish(self, title: str | None = None) -> Extracted:
        ends = [start for _, start in self._page_starts[1:]] + [self._length]
        numbered = zip(self._page_starts, ends, strict=False)
        pages = [PageSpan(page, Span(start, end)) for (page, start), end in numbered]
        named = squash(title or "") or next((s.title for s in self._sections if s.level == 1), None)
        return Extracted(named, "".join(self._parts), tuple(self._sections), tuple(pages))

    def _append(self, text: str, separator: str) -> int:
        """Where the text starts."""
        if not text:
            return self._length
        self._tight = False
        if self._length:
            self._push(separator)
        start = self._length
        if self._page_waiting is not None:
            self._page_starts.append((self._page_waiting, start))
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
