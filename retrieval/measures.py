"""How good is a ranking, how sure is a mean, and do two configurations differ? Arithmetic over documents' ids.

Knows neither search nor collections. Intervals and tests draw from a fixed seed: equal input, equal numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
_SEED = 20_260_101
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds between which it lies with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean over queries of one configuration's value minus the other's, and how often chance alone does as much.

    `better`, `worse`, `equal` count queries.
    """

    interval: Interval
    p_value: float
    better: int
    worse: int
    equal: int


def recall_at(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Share of the relevant documents among the first k."""
    return len({*ranked[:k]} & relevant.keys()) / len(relevant)


def ndcg_at(ranked: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """Discounted gain over that of the best order (Jarvelin, Kekalainen 2002; linear as in trec_eval)."""
    found = sum(gains.get(item, 0) / math.log2(rank + 1) for rank, item in enumerate(ranked[:k], 1))
    ideal = sorted(gains.values(), reverse=True)[:k]
    return found / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(ideal, 1))


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, int]) -> float:
    """1 over the rank of the first relevant document; 0 where none was found."""
    return next((1 / rank for rank, item in enumerate(ranked, 1) if item in relevant), 0.0)


def interval(values: Sequence[float]) -> Interval:
    """By the percentiles of means of queries drawn with replacement (Efron and Tibshirani 1993, chapter 13)."""
    if not values:
        raise ValueError("a mean needs at least one value")
    sample = np.asarray(values, dtype=np.float64)
    draw = np.random.default_rng(_SEED)
    means = np.concatenate(
        [sample[draw.integers(0, sample.size, (_BATCH, sample.size))].mean(axis=1) for _ in _batches()]
    )
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(sample.mean()), float(low), float(high))


def difference(ones: Sequence[float], others: Sequence[float]) -> Difference:
    """Of two configurations' values for the same queries, in the same order.

    The p-value is that of Fisher's paired randomisation test, two-sided (Smucker, Allan, Carterette, CIKM 2007).
    """
    if len(ones) != len(others):
        raise ValueError("both configurations answer the same queries")
    by = np.asarray(ones, dtype=np.float64) - np.asarray(others, dtype=np.float64)
    return Difference(
        interval(by.tolist()),
        _chance(by),
        better=int(np.count_nonzero(by > 0)),
        worse=int(np.count_nonzero(by < 0)),
        equal=int(np.count_nonzero(by == 0)),
    )


def calibration_error(said: Sequence[float], true: Sequence[bool], bins: int = 10) -> float:
    """How far probabilities lie from what came true, over bins of equal width (Guo et al., ICML 2017)."""
    claims, truth = np.asarray(said, dtype=np.float64), np.asarray(true, dtype=np.float64)
    bin_of = np.minimum((claims * bins).astype(np.int64), bins - 1)
    off = [abs(float((claims - truth)[bin_of == number].sum())) for number in range(bins)]
    return sum(off) / len(said)


def separation(said: Sequence[float], true: Sequence[bool]) -> float:
    """How often what is true was given more than what isn't, ties counting half (area under the ROC curve).

    0.5 where nothing, or everything, is true.
    """
    claims, truth = np.asarray(said, dtype=np.float64), np.asarray(true, dtype=np.bool_)
    right, wrong = claims[truth], np.sort(claims[~truth])
    if not (right.size and wrong.size):
        return 0.5
    below, upto = (np.searchsorted(wrong, right, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / wrong.size)


def _chance(by: npt.NDArray[np.float64]) -> float:
    """How often signs drawn at random give a mean as far from 0. The signs that were seen count as one draw."""
    draw = np.random.default_rng(_SEED)
    seen = abs(by.mean()) - 1e-12
    as_far = sum(
        int(np.count_nonzero(np.abs((draw.choice((-1.0, 1.0), (_BATCH, by.size)) * by).mean(axis=1)) >= seen))
        for _ in _batches()
    )
    return (as_far + 1) / (RESAMPLES + 1)


def _batches() -> range:
    return range(RESAMPLES // _BATCH)
