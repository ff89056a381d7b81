"""From a question, its passage and other passages to an example: sources in any order, the answer cited, or none.

Documents are cut to the size that retrieval gives. Knows no set.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.models.core import GroundingDocument
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import OTHERWISE, cited, grounded

_SENTENCE = re.compile(r"(?<=[.!?”\"])\s+")
MOST_WORDS = 160


@dataclass(frozen=True, slots=True)
class Posed:
    """A question whose answer stands word for word in a passage."""

    id: str
    question: str
    answer: str
    passage: str


def example(
    posed: Posed, others: Sequence[str], draw: random.Random, *, answerable: bool, origin: str
) -> Conversation:
    """`others` hold no answer, the most misleading first; without the passage itself one more of them is shown."""
    size = draw.choices((2, 3, 4, 5), (2, 6, 1, 1))[0]
    texts = [cut(other, "", draw) for other in others[: size - answerable]]
    texts += [cut(posed.passage, posed.answer, draw)] if answerable else []
    draw.shuffle(texts)
    documents = [GroundingDocument(str(place), text) for place, text in enumerate(texts, 1)]
    held = [each.id for each in documents if posed.answer in each.text] if answerable else []
    answer = cited([(held[0], posed.answer)]) if held else OTHERWISE
    return grounded(posed.question, documents).answered(answer, posed.id, origin)


def cut(passage: str, keep: str, draw: random.Random, most: int = MOST_WORDS) -> str:
    """Sentences in a row, about `most` words of them, `keep` among them; whole if it is short enough."""
    text = " ".join(passage.split())
    if len(text.split()) <= most:
        return text
    sentences = _SENTENCE.split(text)
    at = text.find(keep) if keep else draw.randrange(len(text))
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
