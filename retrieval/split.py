"""Text into chunks: along its headings first, then paragraphs, then sentences; every span exact.

A chunk is small enough that an encoder of 256 word pieces (all-MiniLM-L6-v2) reads all of it together with
its headings. Pure and deterministic; knows no model.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    return [_draft(document, ordinal, group) for ordinal, group in enumerate(groups)]


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


def _draft(document: ParsedDocument, ordinal: int, group: Sequence[_Unit]) -> ChunkDraft:
    span = Span(group[0].span.start, group[-1].span.end)
    text = span.within(document.text)
    return ChunkDraft(
        ordinal=ordinal,
        span=span,
        text=text,
        heading_path=_common_path(document.sections, sorted({unit.section for unit in group})),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        page=_page(document, span.start),
    )


def _common_path(sections: Sequence[Section], indices: Sequence[int]) -> tuple[str, ...]:
    """The headings above all of a chunk."""
    paths = [_path(sections, index) for index in indices]
    common = paths[0]
    for path in paths[1:]:
        same = sum(1 for _ in _while_equal(common, path))
        common = common[:same]
    return common


def _while_equal(left: Sequence[str], right: Sequence[str]) -> Iterator[str]:
    for one, other in zip(left, right, strict=False):
        if one != other:
            return
        yield one


def _path(sections: Sequence[Section], index: int) -> tuple[str, ...]:
    path: list[str] = []
    level = 10
    for section in reversed(sections[: index + 1]):
        if section.level < level:
            path.append(section.title)
            level = section.level
    return tuple(reversed(path))


def _page(document: ParsedDocument, offset: int) -> int | None:
    index = bisect_right([page.span.start for page in document.pages], offset) - 1
    return document.pages[max(index, 0)].number if document.pages else None
