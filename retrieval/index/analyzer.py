"""Text to index terms: the one place that says when two words are the same. Knows nothing of indexes."""

import re
import unicodedata

import Stemmer

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")
_TERM = re.compile(rf"[{_IDEOGRAPHS}]+|[^\W_{_IDEOGRAPHS}]+(?:['’][^\W_]+)?")
_STOP_WORDS = frozenset(
    """a an and are as at be but by do does for from had has have how if in into is it its no not of on or
    such that the their then there these they this to was were what when where which who will with you your
    """.split()  # noqa: SIM905 - words read best as words
)


class Analyzer:
    """Text to index terms: lower case, English stems, no stop words, pairs of ideographs."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")

    def terms(self, text: str) -> list[str]:
        folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
        words = _TERM.findall(folded)
        if _IDEOGRAPH.search(folded):
            words = [part for word in words for part in _parts(word)]
        return list(self._stemmer.stemWords([word for word in words if word not in _STOP_WORDS]))


def _parts(word: str) -> list[str]:
    """Pairs of ideographs, where no space says what a word is."""
    if not _IDEOGRAPH.match(word):
        return [word]
    return [word[i : i + 2] for i in range(max(1, len(word) - 1))]
