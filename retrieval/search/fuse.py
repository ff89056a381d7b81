"""Several rankings into one: by ranks, or by scores made comparable.

Ranks: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009). Scores: standardised over the best of
each ranking and averaged; what a score says beyond its rank is kept (Bruch, Gai and Ingber, TOIS 2024,
arXiv:2210.11934). Nothing here is fitted: every measure weighs the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TypeVar

K = 60
OVER = 100
"""A ranking's scale is that of its best so many scores, however many are ranked."""
_FLAT = 1e-9
T = TypeVar("T")


def fuse(rankings: Sequence[Sequence[int]], k: int = K) -> list[tuple[int, float]]:
    """(item, score) best first; the score sums 1 / (k + rank) over the rankings that hold the item.

    Ties go to the item that an earlier ranking holds higher.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, 1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda entry: -entry[1])


@dataclass(frozen=True, slots=True)
class Scale:
    """How many standard deviations above the mean a score lies."""

    mean: float
    deviation: float

    @staticmethod
    def of(scores: Iterable[float]) -> "Scale":
        """Of the best OVER of the scores; where these don't differ, every score lies at 0."""
        best = sorted(scores, reverse=True)[:OVER]
        return Scale(fmean(best), pstdev(best)) if best else Scale(0.0, 0.0)

    def __call__(self, score: float) -> float:
        return (score - self.mean) / self.deviation if self.deviation > _FLAT else 0.0


def standardised(scores: Mapping[T, float]) -> dict[T, float]:
    scale = Scale.of(scores.values())
    return {item: scale(score) for item, score in scores.items()}


def averaged(measures: Sequence[Mapping[T, float]]) -> dict[T, float]:
    """The mean over the measures; one that doesn't hold an item gives it the least that it gives to any."""
    measures = [measure for measure in measures if measure]
    least = [min(measure.values()) for measure in measures]
    items = dict.fromkeys(item for measure in measures for item in measure)
    return {
        item: fmean(measure.get(item, low) for measure, low in zip(measures, least, strict=True))
        for item in items
    }


def best_first(scores: Mapping[T, float]) -> list[tuple[T, float]]:
    """Of equals the one that was found first stays first."""
    return sorted(scores.items(), key=lambda entry: -entry[1])
