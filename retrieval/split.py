"""Text into chunks: along its headings first, then blocks, paragraphs, sentences; every span exact.

A chunk is small enough that an encoder of 256 tokens (all-MiniLM-L6-v2) reads all of it together with its
headings. Where a chunk ends follows from the words around, not from how much came before: an edit changes the
chunks near it and leaves the others as they were. Pure and deterministic; knows no model.
"""

import hashlib
import json
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from secretariat.retrieval.core import ChunkDraft, ParsedDocument, Section, Span
from secretariat.retrieval.duplicates import signature
from secretariat.retrieval.embed import place
from secretariat.retrieval.tokens import Estimate, Tokens, pieces
from secretariat.retrieval.units import OUTSIDE, Unit, blocks_of, units_of

__all__ = ["MAX_PIECES", "WINDOW", "pieces", "split"]

MAX_PIECES = 224
WINDOW = 256
_OPENS_ANEW = 0.5
_FILLED = 0.6
_CRUMB = 0.2
_OVERFULL = 1.1
_HEADER_SHARE = 0.25
_ESTIMATE = Estimate()


def split(
    document: ParsedDocument, tokens: Tokens = _ESTIMATE, *, most: int = MAX_PIECES, window: int = WINDOW
) -> list[ChunkDraft]:
    """Chunks in order, not overlapping; `chunk.text == document.text` at its span.

    A chunk has about `most` tokens at most, and no more than `window` with its title, headings and table header
    unless these take more than half of it. Raises what `tokens` raises.
    """
    blocks = blocks_of(document)
    places = _Places(document)
    framing, *headed = tokens.count(["", *(place(document.title, path, "") for path in places.paths)])
    rooms = [max(window - count, window // 2) for count in headed]
    units = units_of(document, blocks, tokens, framing, min(most, *rooms))
    packer = _Packer(document.text, units, rooms, most, _headers(document, units, most))
    drafts = [packer.draft(group, places) for group in packer.groups()]
    return list(_keyed(drafts))


def _headers(document: ParsedDocument, units: Sequence[Unit], most: int) -> dict[int, Unit]:
    """The first row of each table, where it is short enough to be repeated."""
    tables = {number for number, block in enumerate(blocks_of(document)) if block.kind == "table"}
    first = {unit.block: unit for unit in reversed(units) if unit.block in tables}
    return {
        block: unit
        for block, unit in first.items()
        if unit.tokens <= _HEADER_SHARE * most
        and document.text[unit.span.end : unit.span.end + 1] in {"\n", ""}
    }


@dataclass(frozen=True, slots=True)
class _Packer:
    """Puts units together. `rooms` are by section, first for what has no heading; `headers` by block."""

    text: str
    units: Sequence[Unit]
    rooms: Sequence[int]
    most: int
    headers: Mapping[int, Unit]

    def groups(self) -> list[list[Unit]]:
        sections, blocks = _weights(self.units)
        groups: list[list[Unit]] = []
        group: list[Unit] = []
        for unit in self.units:
            if group and self._opens_anew(group, unit, sections[unit.section]):
                end = _before_leads(group)
                groups.append(group[:end])
                group = group[end:]
            group.append(unit)
            while len(group) > 1 and _size(group) > self._room(group[0]):
                end = self._end(group, blocks)
                groups.append(group[:end])
                group = group[end:]
        groups.append(group)
        return self._without_crumbs([group for group in groups if group])

    def draft(self, group: Sequence[Unit], places: "_Places") -> ChunkDraft:
        span = Span(group[0].span.start, group[-1].span.end)
        text = span.within(self.text)
        header = self._header(group[0])
        return ChunkDraft(
            ordinal=0,
            span=span,
            text=text,
            heading_path=places.headings({unit.section for unit in group}),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            page=places.page(span.start),
            header=header.span.within(self.text) if header else "",
            signature=signature(text),
        )

    def _header(self, first: Unit) -> Unit | None:
        """The header of the table in whose later rows a chunk begins."""
        header = self.headers.get(first.block)
        return header if header and first.span.start > header.span.start else None

    def _room(self, first: Unit) -> int:
        return min(self.most, self._brim(first))

    def _brim(self, first: Unit) -> int:
        header = self._header(first)
        return self.rooms[first.section + 1] - (header.tokens if header else 0)

    def _opens_anew(self, group: Sequence[Unit], unit: Unit, weight: int) -> bool:
        """Whether a section begins that had better have a chunk of its own."""
        if unit.section == group[-1].section or group[-1].heading:
            return False
        size = _size(group)
        return size + weight > self._room(group[0]) or size >= _OPENS_ANEW * self.most

    def _end(self, group: Sequence[Unit], blocks: Mapping[int, int]) -> int:
        """How many units of a group that bursts make the chunk: the end that tears least."""
        room = self._room(group[0])
        size = 0
        ends: list[tuple[tuple[bool, bool, bool, int, int], int]] = []
        for end in range(1, len(group)):
            last, following = group[end - 1], group[end]
            size += last.tokens
            if end > 1 and size > room:
                break
            within = following.block != OUTSIDE and following.block == last.block
            kind = 2 if following.section != last.section else 1 if following.opens and not within else 0
            tears = within and blocks[following.block] <= room
            ends.append(
                ((not last.leads, not tears, size >= _FILLED * room, kind, self._mark(following)), end)
            )
        return max(ends)[1]

    def _mark(self, unit: Unit) -> int:
        """A number that follows from the unit's words: of equal ends, the same is chosen whatever came before."""
        return zlib.crc32(unit.span.within(self.text).encode())

    def _without_crumbs(self, groups: list[list[Unit]]) -> list[list[Unit]]:
        """A last sentence or two join the chunk before, if they are of its section and don't burst it."""
        merged: list[list[Unit]] = []
        for group in groups:
            if (
                merged
                and _size(group) < _CRUMB * self.most
                and group[0].section == merged[-1][-1].section
                and _size(merged[-1]) + _size(group) <= min(_OVERFULL * self.most, self._brim(merged[-1][0]))
            ):
                merged[-1] += group
            else:
                merged.append(group)
        return merged


def _weights(units: Sequence[Unit]) -> tuple[Counter[int], Counter[int]]:
    """Tokens by section and by block."""
    sections: Counter[int] = Counter()
    blocks: Counter[int] = Counter()
    for unit in units:
        sections[unit.section] += unit.tokens
        blocks[unit.block] += unit.tokens
    return sections, blocks


def _size(group: Sequence[Unit]) -> int:
    return sum(unit.tokens for unit in group)


def _before_leads(group: Sequence[Unit]) -> int:
    """A heading stays with what it heads, unless the group is nothing but headings."""
    end = len(group)
    while end and group[end - 1].leads:
        end -= 1
    return end or len(group)


def _keyed(drafts: Sequence[ChunkDraft]) -> Iterator[ChunkDraft]:
    """With their ordinals and keys. White space doesn't count: a parser may come to lay it out otherwise."""
    seen: Counter[str] = Counter()
    for ordinal, draft in enumerate(drafts):
        said = json.dumps([draft.heading_path, draft.header, draft.text.split()], ensure_ascii=False)
        digest = hashlib.sha256(said.encode()).hexdigest()[:32]
        seen[digest] += 1
        yield replace(draft, ordinal=ordinal, key=f"{digest}-{seen[digest]}")


class _Places:
    """Where in a document things stand: under which headings, on which page."""

    def __init__(self, document: ParsedDocument) -> None:
        self.paths: list[tuple[str, ...]] = [(), *_paths(document.sections)]
        self._pages = document.pages
        self._page_starts = [page.span.start for page in document.pages]

    def headings(self, sections: set[int]) -> tuple[str, ...]:
        """The headings that all of these sections stand under."""
        paths = [self.paths[section + 1] for section in sections]
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
