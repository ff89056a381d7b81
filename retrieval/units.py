"""A document as the parts that chunks are made of: sentences, headings, table rows, list items, lines of code.

Says of each part what it costs and what it belongs to. Knows nothing of how parts are put together.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from secretariat.retrieval.core import CELLS_APART, Block, ParsedDocument, Span
from secretariat.retrieval.sentences import sentences
from secretariat.retrieval.tokens import PIECE, Tokens

OUTSIDE = -1


@dataclass(frozen=True, slots=True)
class Unit:
    """What is never cut. `tokens` is at least 1; `section` and `block` are OUTSIDE where there is none.

    `leads`: what comes next belongs to it (a heading, the sentence that announces a list), so it ends no chunk.
    `opens`: a paragraph, an item or a block begins with it.
    """

    span: Span
    tokens: int
    section: int
    block: int
    heading: bool
    leads: bool
    opens: bool


def blocks_of(document: ParsedDocument) -> list[Block]:
    """In order, none overlapping an earlier one."""
    kept: list[Block] = []
    for block in sorted(document.blocks, key=lambda block: block.span.start):
        if block.span.start >= (kept[-1].span.end if kept else 0):
            kept.append(block)
    return kept


def units_of(
    document: ParsedDocument, blocks: Sequence[Block], tokens: Tokens, framing: int, most: int
) -> list[Unit]:
    """None larger than `most` tokens: what would be is cut between cells, sentences or words."""
    text = document.text
    found = list(_parts(text, blocks))
    counted = tokens.count([span.within(text) for span, _ in found])
    parts: list[tuple[Span, int, int]] = []
    for (span, block), count in zip(found, counted, strict=True):
        if count - framing <= most:
            parts.append((span, block, max(1, count - framing)))
        else:
            parts += [(cut, block, size) for cut, size in _cut(text, span, tokens, framing, most)]
    starts = [section.start for section in document.sections]
    ends = [section.start + len(section.title) for section in document.sections]
    units: list[Unit] = []
    end = 0
    for span, block, size in parts:
        section = bisect_right(starts, span.start) - 1
        heading = section >= 0 and span.end <= ends[section]
        between = text[end : span.start]
        opens = "\n\n" in between or (block != OUTSIDE and "\n" in between)
        units.append(Unit(span, size, section, block, heading, leads=heading, opens=opens or not units))
        end = span.end
    return list(_with_lead_ins(text, units, blocks))


def _parts(text: str, blocks: Sequence[Block]) -> Iterator[tuple[Span, int]]:
    """Sentences outside of blocks, lines inside."""
    start = 0
    for number, block in enumerate(blocks):
        yield from ((span, OUTSIDE) for span in sentences(text, Span(start, block.span.start)))
        yield from ((span, number) for span in _lines(text, block.span))
        start = block.span.end
    yield from ((span, OUTSIDE) for span in sentences(text, Span(start, len(text))))


def _lines(text: str, within: Span) -> Iterator[Span]:
    start = within.start
    for line in within.within(text).split("\n"):
        bare = line.strip()
        if bare:
            lead = start + len(line) - len(line.lstrip())
            yield Span(lead, lead + len(bare))
        start += len(line) + 1


def _with_lead_ins(text: str, units: Sequence[Unit], blocks: Sequence[Block]) -> Iterator[Unit]:
    """The sentence before a list or one that ends with a colon before any block leads into it."""
    for number, unit in enumerate(units):
        following = units[number + 1] if number + 1 < len(units) else None
        enters = (
            following is not None
            and following.block not in {OUTSIDE, unit.block}
            and following.section == unit.section
            and unit.block == OUTSIDE
        )
        if enters and following is not None:
            listed = blocks[following.block].kind == "list"
            yield replace(unit, leads=unit.leads or listed or text[unit.span.end - 1] in ":\uff1a")
        else:
            yield unit


def _cut(text: str, span: Span, tokens: Tokens, framing: int, most: int) -> Iterator[tuple[Span, int]]:
    """What is too long for any chunk, in parts as long as fit, each with its tokens."""
    parts = _finer(text, span, most)
    start: int | None = None
    used, end = 0, span.start
    for part, count in zip(parts, tokens.count([part.within(text) for part in parts]), strict=True):
        size = max(1, count - framing)
        if start is not None and used + size > most:
            yield Span(start, end), used
            start, used = None, 0
        if size > most and len(parts) > 1:
            yield from _cut(text, part, tokens, framing, most)
            continue
        start = part.start if start is None else start
        used, end = used + size, part.end
    if start is not None:
        yield Span(start, end), used


def _finer(text: str, span: Span, longest: int) -> list[Span]:
    """Its cells; where it has one alone, its sentences; then its words, the longest in pieces."""
    for parts in (list(_cells(text, span)), list(sentences(text, span))):
        if len(parts) > 1:
            return parts
    return list(_words(text, span, longest))


def _cells(text: str, span: Span) -> Iterator[Span]:
    """Each with the bar behind it: no character of a row is left out of all chunks."""
    bar = CELLS_APART.rstrip()
    start = span.start
    while start < span.end:
        found = text.find(CELLS_APART, start, span.end)
        end = span.end if found < 0 else found + len(bar)
        yield Span(start, end)
        start = end + len(CELLS_APART) - len(bar)


def _words(text: str, span: Span, longest: int) -> Iterator[Span]:
    for match in PIECE.finditer(text, span.start, span.end):
        for start in range(match.start(), match.end(), longest):
            yield Span(start, min(start + longest, match.end()))
