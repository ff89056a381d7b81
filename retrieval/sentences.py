"""Where sentences begin and end: exact spans, none overlapping. Knows no structure but line breaks."""

import re
from collections.abc import Iterator

from secretariat.retrieval.core import Span

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s+\S)|[。！？]++[」』”’）]*+")
_NEXT = re.compile(r"\s*(\S)")
_LOOK_BACK = 40  # characters; no abbreviation is longer
_ABBREVIATIONS = re.compile(
    r"approx|art|bzw|ca|cf|ch|co|corp|dept|dr|e\.g|ed|eq|etc|fig|i\.e|inc|jr|ltd|max|min|mr|mrs|ms|no|nos|nr|para|pp"
    r"|prof|sec|sect|sr|st|tel|u\.s|vol|vs|z\.b"
)


def sentences(text: str, within: Span) -> Iterator[Span]:
    """Spans of the sentences inside `within`, without the white space around them. A line break ends one."""
    start = within.start
    for line in text[within.start : within.end].split("\n"):
        yield from _in_line(text, Span(start, start + len(line)))
        start += len(line) + 1


def _in_line(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for match in _END.finditer(text, line.start, line.end):
        if _is_boundary(text, start, match):
            yield from _trimmed(text, Span(start, match.end()))
            start = match.end()
    yield from _trimmed(text, Span(start, line.end))


def _is_boundary(text: str, start: int, match: re.Match[str]) -> bool:
    if match[0][0] in "。！？":
        return True
    following = _NEXT.match(text, match.end())
    if following and following[1].islower():
        return False
    if match[0] != ".":
        return True
    before = text[max(start, match.end() - _LOOK_BACK) : match.end()].split()
    word = before[-1].lstrip("(\"'“‘[").lower()
    opens = match.end() - start < _LOOK_BACK and len(before) == 1
    if opens and re.fullmatch(r"[\divx]{1,4}\.|[a-z]\.", word):  # "1." at the start of a list item
        return False
    initial = re.fullmatch(r"[a-z]\.", word) is not None and word != "i."
    return not (initial or _ABBREVIATIONS.fullmatch(word[:-1]))


def _trimmed(text: str, span: Span) -> Iterator[Span]:
    part = span.within(text)
    lead = len(part) - len(part.lstrip())
    length = len(part.strip())
    if length:
        yield Span(span.start + lead, span.start + lead + length)
