"""How far two answers share their words: by words alone, whatever their case and marks. Pure."""

import re
import unicodedata
from collections import Counter

_WORDS = re.compile(r"\w+")


def words(text: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def token_f1(answer: str, expected: str) -> float:
    """Overlap of words, as SQuAD's evaluation counts it (arXiv:1606.05250), without its English articles' rule.

    Two answers without words are alike.
    """
    given, wanted = Counter(words(answer)), Counter(words(expected))
    if not given or not wanted:
        return float(given == wanted)
    return 2 * (given & wanted).total() / (given.total() + wanted.total())
