"""A passage with the chunks around it, for who reads it: what was asked for may be what the next chunk says."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from secretariat.retrieval.core import Chunk, Passage, Span, Surroundings

_WIDEST_GAP = 200
"""Characters. Between neighbours is white space alone; further apart, they are no longer of one reading."""


def surrounded(passage: Passage, near: Sequence[Chunk]) -> Passage:
    """With those of the chunks (of its document, in order) that stand under its headings and without a gap.

    Nothing is added where the passage isn't among them: then the document is being read in anew.
    """
    own = next((place for place, chunk in enumerate(near) if chunk.id == passage.chunk.id), None)
    if own is None:
        return passage
    behind = _going_on(near[own:])
    before = _going_on(near[own::-1])[:0:-1]
    return replace(passage, surroundings=_joined([*before, *behind]))


def _going_on(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The first and those after it, in either direction, up to another section or a gap."""
    kept = [chunks[0]]
    for one, other in pairwise(chunks):
        first, second = (one, other) if one.ordinal < other.ordinal else (other, one)
        apart = second.span.start - first.span.end
        if (
            second.ordinal != first.ordinal + 1
            or one.heading_path != other.heading_path
            or not 0 <= apart <= _WIDEST_GAP
        ):
            break
        kept.append(other)
    return kept


def _joined(chunks: Sequence[Chunk]) -> Surroundings:
    text = chunks[0].text
    for before, chunk in pairwise(chunks):
        text += "\n" * (chunk.span.start - before.span.end) + chunk.text
    return Surroundings(Span(chunks[0].span.start, chunks[-1].span.end), text)
