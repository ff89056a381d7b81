"""How likely it is that a passage answers a question: what the pair shows, on a calibrated scale.

Looks at the question and at one passage that the searcher may read, at nothing else: the number is the same
whatever else there is. `python -m benchmarks.calibrate` fits the weights, on stories that no figure is about.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from secretariat.retrieval.core import Passage
from secretariat.retrieval.index.analyzer import Analyzer
from secretariat.retrieval.search.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Signs:
    """Cosine of question and passage, the share of the question's words that the passage says, and how near its
    words are to the question's, one by one (None where that wasn't looked at)."""

    cosine: float
    words: float
    nearness: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression: the weights of the signs, and the constant beside them."""

    constant: float
    cosine: float
    words: float
    nearness: float = 0.0

    def __call__(self, signs: Signs) -> float:
        """A probability."""
        power = self.constant + self.cosine * signs.cosine + self.words * signs.words
        return 1 / (1 + math.exp(-(power + self.nearness * (signs.nearness or 0.0))))


LOOKED_AT = Calibration(constant=-6.0, cosine=6.0, words=2.0, nearness=2.0)
"""For a passage that was compared with the question word by word."""
GLANCED_AT = Calibration(constant=-5.0, cosine=7.0, words=2.0)
"""For a passage that wasn't."""
FOUND_FROM = 0.3
"""A result of less confidence counts as "not found"."""


def signs_of(question: str, passage: Passage, cosine: float, nearness: float | None = None) -> Signs:
    return _signs(_terms(question), _terms(_said(passage)), cosine, nearness)


def confidence(asked: Iterable[tuple[str, Evidence]], passage: Passage) -> float:
    """Of the questions with their evidence, the searcher's own first, the one that it answers best counts."""
    said = _terms(_said(passage))
    return max(
        _sureness(_signs(_terms(text), said, cosine, None if place else passage.nearness))
        for place, (text, found) in enumerate(asked)
        if (cosine := found.cosines.get(passage.chunk.id)) is not None
    )


def _sureness(signs: Signs) -> float:
    return (GLANCED_AT if signs.nearness is None else LOOKED_AT)(signs)


def _signs(asked: set[str], said: set[str], cosine: float, nearness: float | None) -> Signs:
    return Signs(cosine, len(asked & said) / len(asked) if asked else 0.0, nearness)


def _said(passage: Passage) -> str:
    chunk = passage.chunk
    return "\n".join((chunk.document_title, *chunk.heading_path, chunk.text))


def _terms(text: str) -> set[str]:
    return set(Analyzer().terms(text))
