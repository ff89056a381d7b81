"""What comes to mind: the sentences of a conversation nearest to a question, exactly, in one product.

A conversation has hundreds of sentences, so nothing is approximated. Where the same was said twice in almost the
same words, what was said last stands: "the launch moved to June" takes the place of "the launch is in May".
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secretariat.agents.conversation.core import Recollection

SAME = 0.92  # cosine of two sentences that say the same of the same thing
_VERB = re.compile(
    r"\b(?:is|are|was|were|will be|has|have|moved|moves|changed|became|starts?|ends?|costs?)\b|[:=]|'s\s(?=now\b)"
)
_NEWS = re.compile(
    r"^(?:actually|correction|sorry|no|update|news|by the way|please|note|remember)[,:]?\s+(?:that\s+)?|\bnow\b"
)
_WORD = re.compile(r"[\w'-]+")
_ARTICLES = frozenset({"the", "a", "an", "new", "our"})
_LEAST_WORDS = 2


def nearest(question: bytes, vectors: Sequence[bytes], limit: int) -> list[tuple[int, float]]:
    """(row, cosine) of the nearest rows, best first; `vectors` in the order in which they were said."""
    if not vectors:
        return []
    rows = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1)
    cosines = rows @ np.frombuffer(question, dtype="<f4")
    chosen: list[int] = []
    for row in np.argsort(-cosines, kind="stable"):
        if len(chosen) == limit:
            break
        if not _said_again(rows, int(row)):
            chosen.append(int(row))
    return [(row, float(cosines[row])) for row in chosen]


def _said_again(rows: NDArray[np.float32], row: int) -> bool:
    later = rows[row + 1 :]
    return bool(later.size and float((later @ rows[row]).max()) >= SAME)


def superseded(sentences: Sequence[str]) -> set[int]:
    """Which of these, in the order in which they were said, a later one of the same subject takes the place of.

    The subject is what stands before the verb, where that is two telling words or more: "my desk number is 4"
    gives way to "my desk number is 7", and "I have a cat" stays beside "I have a dog".
    """
    subjects = [_subject(sentence) for sentence in sentences]
    later = {subject: row for row, subject in enumerate(subjects) if subject}
    return {row for row, subject in enumerate(subjects) if subject and later[subject] > row}


def _subject(sentence: str) -> tuple[str, ...]:
    before = _VERB.split(_NEWS.sub("", sentence.lower()), maxsplit=1)
    words = (
        tuple(word for word in _WORD.findall(before[0]) if word not in _ARTICLES) if len(before) > 1 else ()
    )
    return words if len(words) >= _LEAST_WORDS else ()


def current(said: Sequence[tuple[int, Recollection]]) -> list[Recollection]:
    """Without those that a later one takes the place of; each comes with its number in the order of saying."""
    in_order = sorted(said, key=lambda each: each[0])
    gone = superseded([each.quote for _, each in in_order])
    old = {in_order[row][0] for row in gone}
    return [each for number, each in said if number not in old]
