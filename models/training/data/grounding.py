"""From questions about a passage and other passages to sources in any order, and answers cited from them, or none.

Documents are cut to the size that retrieval gives. Knows no set.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.models.core import GroundingDocument
from secretariat.models.training.data.forms import cited

_SENTENCE = re.compile(r"(?<=[.!?”\"])\s+")
_WORDS = (90, 160, 220)


@dataclass(frozen=True, slots=True)
class Posed:
    """A question whose answer stands word for word in a passage."""

    id: str
    question: str
    answer: str
    passage: str


def sources(posed: Sequence[Posed], draw: random.Random) -> list[GroundingDocument]:
    """The passages of all of them, in any order, each cut around an answer."""
    most = draw.choice(_WORDS)
    passages: dict[str, str] = {}
    for one in posed:
        passages.setdefault(one.passage, cut(one.passage, one.answer, draw, most))
    texts = list(passages.values())
    draw.shuffle(texts)
    return [GroundingDocument(str(place), text) for place, text in enumerate(texts, 1)]


def answered(posed: Posed, documents: Sequence[GroundingDocument]) -> str | None:
    """The answer cited; None where the cut passage has lost it."""
    held = [each.id for each in documents if posed.answer in each.text]
    return cited([(held[0], posed.answer)]) if held else None


def cut(passage: str, keep: str, draw: random.Random, most: int) -> str:
    """Sentences in a row, about `most` words of them, `keep` among them; whole if it is short enough."""
    text = " ".join(passage.split())
    if len(text.split()) <= most:
        return text
    sentences = _SENTENCE.split(text)
    at = text.find(keep)
    first = last = _holding(sentences, at, at + len(keep))[0]
    last = max(last, _holding(sentences, at, at + len(keep))[1])
    while True:
        before, after = first > 0, last + 1 < len(sentences)
        grown = (first - 1, last) if before and (not after or draw.random() < 0.5) else (first, last + 1)
        if not (before or after) or sum(len(s.split()) for s in sentences[grown[0] : grown[1] + 1]) > most:
            return " ".join(sentences[first : last + 1])
        first, last = grown


def _holding(sentences: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """The sentences in which characters start … end of the text stand, each followed by one space."""
    at, found = 0, []
    for place, sentence in enumerate(sentences):
        if at < max(end, start + 1) and at + len(sentence) + 1 > start:
            found.append(place)
        at += len(sentence) + 1
    return found[0], found[-1]
