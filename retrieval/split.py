"""Text into chunks: along its headings first, then paragraphs, then sentences; every span exact.

A chunk is small enough that an encoder of 256 word pieces (all-MiniLM-L6-v2) reads all of it together with
its headings. Pure and deterministic; knows no model.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from secretariat.retrieval.core import ChunkDraft, ParsedDocument, Section, Span
from secretariat.retrieval.sentences import sentences

MAX_PIECES = 224
_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
_LETTERS_PER_PIECE = 7
_FILLED = 0.5
_CRUMB = 0.2


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, a table row, a heading. `section` is -1 before any heading."""

    span: Span
    pieces: int
    section: int
    heading: bool


def pieces(text: str) -> int:
    """About how many word pieces a text takes: long words fall apart, each ideogram stands alone."""
    return sum(1 + (len(match[0]) - 1) // _LETTERS_PER_PIECE for match in _PIECE.finditer(text))


def split(document: ParsedDocument, max_pieces: int = MAX_PIECES) -> list[ChunkDraft]:
    """Chunks in order, not overlapping; `chunk.text == document.text` at its span."""
    groups = _packed(list(_units(document, max_pieces)), max_pieces)
    places = _Places(document)
    return [_draft(document, places, ordinal, group) for ordinal, group in enumerate(groups)]


def _units(document: ParsedDocument, max_pieces: int) -> Iterator[_Unit]:
    text = document.text
    starts = [section.start for section in document.sections]
    for span in sentences(text, Span(0, len(text))):
        section = bisect_right(starts, span.start) - 1
        heading = section >= 0 and span.end <= starts[section] + len(document.sections[section].title)
        for part in _cut(text, span, max_pieces):
            yield _Unit(part, pieces(part.within(text)), section, heading)


def _cut(text: str, span: Span, max_pieces: int) -> Iterator[Span]:
    """A sentence too long for any chunk, between words; a word too long, anywhere."""
    start, end, used = span.start, span.start, 0
    for word in _words(text, span, max_pieces * _LETTERS_PER_PIECE):
        cost = pieces(word.within(text))
        if used and used + cost > max_pieces:
            yield Span(start, end)
            start, used = word.start, 0
        used += cost
        end = word.end
    yield Span(start, span.end)


def _words(text: str, span: Span, longest: int) -> Iterator[Span]:
    for match in _PIECE.finditer(text, span.start, span.end):
        for start in range(match.start(), match.end(), longest):
            yield Span(start, min(start + longest, match.end()))


def _packed(units: Sequence[_Unit], most: int) -> list[list[_Unit]]:
    groups: list[list[_Unit]] = []
    group: list[_Unit] = []
    weights = _section_weights(units)
    for unit in units:
        size = _size(group)
        opens = bool(group) and unit.section != group[-1].section and not group[-1].heading
        whole = size + weights[unit.section] <= most
        if group and (size + unit.pieces > most or (opens and not (whole and size < _FILLED * most))):
            carried = _trailing_headings(group)
            groups.append(group[: len(group) - len(carried)])
            group = carried
        group.append(unit)
    groups.append(group)
    return _without_crumbs([group for group in groups if group], most)


def _section_weights(units: Sequence[_Unit]) -> dict[int, int]:
    weights: dict[int, int] = {}
    for unit in units:
        weights[unit.section] = weights.get(unit.section, 0) + unit.pieces
    return weights


def _size(group: Sequence[_Unit]) -> int:
    return sum(unit.pieces for unit in group)


def _trailing_headings(group: Sequence[_Unit]) -> list[_Unit]:
    """A heading stays with what it heads, unless the group is nothing but headings."""
    cut = len(group)
    while cut and group[cut - 1].heading:
        cut -= 1
    return list(group[cut:]) if cut else []


def _without_crumbs(groups: list[list[_Unit]], most: int) -> list[list[_Unit]]:
    """A last sentence or two join the chunk before, if they are of its section and don't burst it."""
    merged: list[list[_Unit]] = []
    for group in groups:
        crumb = _size(group) < _CRUMB * most
        if (
            merged
            and crumb
            and group[0].section == merged[-1][-1].section
            and _size(merged[-1] + group) <= 1.1 * most
        ):
            merged[-1] += group
        else:
            merged.append(group)
    return merged


def _draft(document: ParsedDocument, places: "_Places", ordinal: int, group: Sequence[_Unit]) -> ChunkDraft:
    span = Span(group[0].span.start, group[-1].span.end)
    text = span.within(document.text)
    return ChunkDraft(
        ordinal=ordinal,
        span=span,
        text=text,
        heading_path=places.headings({unit.section for unit in group}),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        page=places.page(span.start),
    )


class _Places:
    """Where in a document things stand: under which headings, on which page."""

    def __init__(self, document: ParsedDocument) -> None:
        self._paths = list(_paths(document.sections))
        self._pages = document.pages
        self._page_starts = [page.span.start for page in document.pages]

    def headings(self, sections: set[int]) -> tuple[str, ...]:
        """The headings that all of these sections stand under."""
        paths = [self._paths[section] if section >= 0 else () for section in sections]
        levels = takewhile(lambda titles: len({*titles}) == 1, zip(*paths, strict=False))
        return tuple(titles[0] for titles in levels)

    def page(self, offset: int) -> int | None:
        if not self._pages:
            return None
        return self._pages[max(0, bisect_right(self._page_starts, offset) - 1)].number


def _paths(sections: Sequence[Section]) -> Iterator[tuple[str, ...]]:
    """For each heading, those above it and itself."""
    above: list[Section] = []
    for section in sections:
        while above and above[-1].level >= section.level:
            above.pop()
        above.append(section)
        yield tuple(heading.title for heading in above)
