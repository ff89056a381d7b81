"""Citation markup in answers: `<co: 1,2>text</co: 1,2>` says that documents 1 and 2 bear out the text.

The markup is that of Cohere's Command R in its grounded answers. Owns how it is written and a streaming reader of
it for the output of any model, well formed or not. Knows no tokens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import regex

OPENS, CLOSES = "<co:", "</co:"
_LONGEST = 1024  # characters of markup to wait for its end; a tag of more is text
_MARKUP = regex.compile(r"<(?P<close>/)?co:(?P<ids>[^<>\n]*)>")
_UNFINISHED = regex.compile(r"<(?:/?(?:c(?:o(?::[^<>\n]*)?)?)?)?\Z")


def rest_of_tag(ids: Sequence[str]) -> str:
    """What follows `<co:` or `</co:`."""
    return f" {','.join(ids)}>"


@dataclass(frozen=True, slots=True)
class Citation:
    """Characters `start` … `end` of the text without markup, and the ids of the documents named for them."""

    start: int
    end: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cited:
    """More text without markup, and the citations that are now complete."""

    text: str = ""
    citations: tuple[Citation, ...] = ()


class CitationReader:
    """Takes an answer as it streams, gives text and citations. Markup never reaches the text.

    With `ids`, other ids are ignored. What a model without a grammar may write is read kindly: a span within a
    span ends the first one, an end without a beginning is dropped, a span that is still open at the end ends
    there, and one without text or known ids is no citation.
    """

    def __init__(self, ids: Collection[str] | None = None) -> None:
        self._known = None if ids is None else frozenset(ids)
        self._held = ""
        self._length = 0
        self._open: tuple[int, tuple[str, ...]] | None = None
        self._found: list[Citation] = []

    def push(self, text: str) -> Cited:
        held = self._held + text
        unfinished = _UNFINISHED.search(held)
        cut = len(held)
        if unfinished is not None and cut - unfinished.start() <= _LONGEST:
            cut = unfinished.start()
        self._held = held[cut:]
        return self._read(held[:cut])

    def finish(self) -> Cited:
        """What was held back; unfinished markup of ours is dropped, anything else is text."""
        rest, self._held = self._held, ""
        last = self._read("" if rest.startswith((OPENS, CLOSES)) else rest)
        self._close()
        return Cited(last.text, (*last.citations, *self._taken()))

    def _read(self, text: str) -> Cited:
        pieces, at = list[str](), 0
        for markup in _MARKUP.finditer(text):
            pieces.append(self._pass(text[at : markup.start()]))
            at = markup.end()
            self._close()
            if not markup["close"]:
                self._open = self._length, self._ids(markup["ids"])
        pieces.append(self._pass(text[at:]))
        return Cited("".join(pieces), self._taken())

    def _pass(self, text: str) -> str:
        self._length += len(text)
        return text

    def _ids(self, text: str) -> tuple[str, ...]:
        ids = dict.fromkeys(part.strip() for part in text.split(","))
        return tuple(i for i in ids if i and (self._known is None or i in self._known))

    def _close(self) -> None:
        if self._open is not None and self._open[0] < self._length and self._open[1]:
            self._found.append(Citation(self._open[0], self._length, self._open[1]))
        self._open = None

    def _taken(self) -> tuple[Citation, ...]:
        found = tuple(self._found)
        self._found.clear()
        return found
