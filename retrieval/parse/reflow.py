"""Lines back into paragraphs: for text whose line breaks came from a page's width.

Answers are verbatim spans, so a sentence must not be cut by where its line happened to end. Knows no format.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

BULLET = re.compile(r"^\s*(?:[•◦▪‣·*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+\S")
_BROKEN_WORD = re.compile(r"(\w+)[-\u00ad\ufffe\x02]$")
_WORD = re.compile(r"\w+(?:-\w+)*")
_WIDEST = 120
_LONGEST_WORD = 60


def vocabulary(lines: Iterable[str]) -> Counter[str]:
    """The words of a document, hyphenated ones whole: they settle whether a hyphen at a line's end stays."""
    return Counter(word.lower() for line in lines for word in _WORD.findall(line))


def join(lines: Sequence[str], words: Counter[str]) -> str:
    """One paragraph out of its lines; words that were broken at a line's end are mended."""
    parts: list[str] = []
    for line in map(str.strip, lines):
        if parts:
            parts[-1] = _mended(parts[-1], line, words)
        parts.append(line)
    return "".join(parts)


def _mended(line: str, following: str, words: Counter[str]) -> str:
    """The line with what has to stand between it and the one that follows."""
    broken = _BROKEN_WORD.search(line[-_LONGEST_WORD:])
    rest = _WORD.match(following)
    if not broken or not rest or not rest[0][0].islower() or not broken[1].isalpha():
        return line + " "
    hyphenated = f"{broken[1]}-{rest[0]}".lower()
    whole = (broken[1] + rest[0]).lower()
    return line[:-1] + ("-" if words[hyphenated] > words[whole] else "")


def paragraphs(text: str) -> list[list[str]]:
    """Blocks of a plain text file: each a list of logical lines, hard-wrapped lines already joined."""
    words = vocabulary(text.split("\n"))
    blocks = re.split(r"\n[ \t]*\n", text)
    return [unwrapped for block in blocks if (unwrapped := _unwrap(block.split("\n"), words))]


def _unwrap(lines: Sequence[str], words: Counter[str]) -> list[str]:
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
