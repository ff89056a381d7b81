"""How good a choice among experts is: accuracy, calibration, what abstaining buys, and what was left on the table.

Shape letters: Q requests, L experts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Covered:
    """Of all requests the `coverage` that the router is surest of is routed right with `accuracy`."""

    coverage: float
    accuracy: float
    probability: float


def accuracy(chances_QL: Numbers, labels_Q: Labels) -> float:
    return float((chances_QL.argmax(axis=1) == labels_Q).mean())


def negative_log_likelihood(chances_QL: Numbers, labels_Q: Labels) -> float:
    """Mean, in nats."""
    told_Q = chances_QL[np.arange(len(labels_Q)), labels_Q]
    return float(-np.log(np.maximum(told_Q, _LEAST)).mean())


def calibration_error(chances_QL: Numbers, labels_Q: Labels, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (arXiv:1706.04599): how far what the router says of its
    first choice is from how often it is right."""
    sure_Q = chances_QL.max(axis=1)
    right_Q = chances_QL.argmax(axis=1) == labels_Q
    bin_Q = np.minimum((sure_Q * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside_Q = bin_Q == number
        if inside_Q.any():
            error += inside_Q.mean() * abs(right_Q[inside_Q].mean() - sure_Q[inside_Q].mean())
    return float(error)


def abstain_curve(chances_QL: Numbers, labels_Q: Labels, points: int = 10) -> list[Covered]:
    """From all requests to the surest tenth."""
    sure_Q = chances_QL.max(axis=1)
    order = np.argsort(-sure_Q, kind="stable")
    right_Q = (chances_QL.argmax(axis=1) == labels_Q)[order]
    curve = []
    for point in range(points, 0, -1):
        count = max(1, round(len(order) * point / points))
        kept = right_Q[:count]
        curve.append(Covered(count / len(order), float(kept.mean()), float(sure_Q[order[count - 1]])))
    return curve


def regret(scores_QL: Numbers, chosen_Q: Labels) -> float:
    """Mean of what the best expert for each request would have scored beyond the chosen one, as scores count."""
    had_Q = scores_QL[np.arange(len(chosen_Q)), chosen_Q]
    return float((scores_QL.max(axis=1) - had_Q).mean())
