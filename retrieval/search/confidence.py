"""How likely it is that a passage answers a question: what the pair shows, on a calibrated scale.

Looks at the question and at one passage that the searcher may read, at nothing else: the number is the same
whatever else there is. `python -m benchmarks.calibrate` fits the weights, on stories that no figure is about.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secretariat.retrieval.core import Passage
from secretariat.retrieval.index.analyzer import Analyzer


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
    cosine: float = 0.0
    words: float = 0.0
    nearness: float = 0.0

    def __call__(self, signs: Signs) -> float:
        """A probability."""
        return 1 / (1 + math.exp(-self.log_odds(signs)))

    def log_odds(self, signs: Signs) -> float:
        """Natural: what an answer may weigh its sources by."""
        power = self.constant + self.cosine * signs.cosine + self.words * signs.words
        return power + self.nearness * (signs.nearness or 0.0)


LOOKED_AT = Calibration(constant=-8.23, words=4.01, nearness=7.61)
"""For a passage that was compared with the question word by word: what the cosine says is in it already."""
GLANCED_AT = Calibration(constant=-4.62, words=5.87)
"""For a passage that wasn't."""
_ASKING = frozenset(("how", "mani", "much", "long", "often", "far", "whi", "whose", "may", "can", "should"))
"""Stems of what a question says and its answer doesn't."""
FOUND_FROM = 0.15
"""A result of less confidence counts as "not found": among the questions fitted to, 6 % of these were found."""


def signs_of(question: str, passage: Passage) -> Signs:
    return Signs(passage.cosine, words_said(question, _said(passage)), passage.nearness)


def words_said(question: str, text: str) -> float:
    """The share of the question's words that the text says."""
    asked = _terms(question) - _ASKING
    return len(asked & _terms(text)) / len(asked) if asked else 0.0


def confidence(question: str, passages: Sequence[Passage]) -> float:
    """That the first of the passages answers; 0 where there is none."""
    if not passages:
        return 0.0
    signs = signs_of(question, passages[0])
    return _calibration(signs)(signs)


def log_odds(question: str, passage: Passage) -> float:
    """That the passage answers, whatever its place among others; natural."""
    signs = signs_of(question, passage)
    return _calibration(signs).log_odds(signs)


def _calibration(signs: Signs) -> Calibration:
    return GLANCED_AT if signs.nearness is None else LOOKED_AT


def _said(passage: Passage) -> str:
    chunk = passage.chunk
    return "\n".join((chunk.document_title, *chunk.heading_path, chunk.text))


def _terms(text: str) -> set[str]:
    return set(Analyzer().terms(text))
