"""Lines back into paragraphs: for text whose line breaks came from a page's width.

Answers are verbatim spans, so a sentence must not be cut by where its line happened to end. Knows no format.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

BULLET = re.compile(r"^\s*(?:[•◦▪‣·*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+\S")
_MARKS = frozenset("•◦▪‣·*–—-(")
_HYPHENS = frozenset("-\u00ad\ufffe\x02")
_BROKEN_WORD = re.compile(r"(\w+)[-\u00ad\ufffe\x02]$")
_WORD = re.compile(r"\w+(?:-\w+)*")
_WIDEST = 120
_LONGEST_WORD = 60


def is_item(text: str) -> bool:
    """Does the line begin as an item of a list does? Most lines are told by their first letters."""
    start = text[:6]
    return (start[:1] in _MARKS or "." in start or ")" in start) and BULLET.match(text) is not None


class Vocabulary:
    """The words of a document, hyphenated ones whole: they settle whether a hyphen at a line's end stays.

    Counted when the first such hyphen is met: most documents have none.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines

    def __getitem__(self, word: str) -> int:
        return self._words[word]

    @cached_property
    def _words(self) -> Counter[str]:
        return Counter(word.lower() for line in self._lines for word in _WORD.findall(line))


def join(lines: Sequence[str], words: Vocabulary) -> str:
    """One paragraph out of its lines; words that were broken at a line's end are mended."""
    return "".join(pieces([line.strip() for line in lines], words))


def pieces(lines: Sequence[str], words: Vocabulary) -> list[str]:
    """What each line becomes in the paragraph that they make together, spaces between them included."""
    mended = [_mended(line, following, words) for line, following in pairwise(lines)]
    return [*mended, *lines[-1:]]


def _mended(line: str, following: str, words: Vocabulary) -> str:
    """The line with what has to stand between it and the one that follows."""
    if line[-1:] not in _HYPHENS:
        return line + " "
    broken = _BROKEN_WORD.search(line[-_LONGEST_WORD:])
    rest = _WORD.match(following)
    if not broken or not rest or not rest[0][0].islower() or not broken[1].isalpha():
        return line + " "
    hyphenated = f"{broken[1]}-{rest[0]}".lower()
    whole = (broken[1] + rest[0]).lower()
    return line[:-1] + ("-" if words[hyphenated] > words[whole] else "")


def paragraphs(text: str) -> list[list[str]]:
    """Blocks of a plain text file: each a list of logical lines, hard-wrapped lines already joined."""
    words = Vocabulary(text.split("\n"))
    blocks = re.split(r"\n[ \t]*\n", text)
    return [unwrapped for block in blocks if (unwrapped := _unwrap(block.split("\n"), words))]


def _unwrap(lines: Sequence[str], words: Vocabulary) -> list[str]:
    lines = [line.rstrip() for line in lines if line.strip()]
    width = max(map(len, lines), default=0)
    if not 40 <= width <= _WIDEST:
        return lines
    logical: list[list[str]] = []
    for before, line in zip(["", *lines], lines, strict=False):
        # A line went on to the next one if the next word would not have fitted on it.
        wrapped = before and len(before) + 1 + len(line.split()[0]) > width
        if logical and wrapped and not BULLET.match(line):
            logical[-1].append(line)
        else:
            logical.append([line])
    return [join(group, words) for group in logical]
