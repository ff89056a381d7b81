"""Fits a router on labelled requests and calibrates it on others, which it has not seen.

Everything is computed in one order from given numbers: the same examples give the same router.

Shape letters: N examples, D width of an embedding, L experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from secretariat.models.errors import ModelError
from secretariat.models.experts.judging import negative_log_likelihood
from secretariat.models.experts.router import Doubt, Floats, Kind, Linear, Nearest, Router, Scorer, softmax

Labels = npt.NDArray[np.int64]
_STEPS = 600
_PENALTY = 3e-5  # on the squared weights, per example
_KEPT = 0.98  # of the held-out requests that are routed right, this share isn't doubted by any one measure
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """Unit vectors [N, D] of requests and the number of the expert that each is for."""

    vectors_ND: Floats
    labels_N: Labels


def fit(
    train: Labelled,
    held_out: Labelled,
    experts: Sequence[str],
    *,
    general: str,
    embedder: str,
    kind: Kind = "linear",
    neighbours: int = 15,
) -> Router:
    """Raises ModelError invalid_request for experts without an example, in either set."""
    for name, part in (("training", train), ("held-out", held_out)):
        if missing := [e for n, e in enumerate(experts) if not (part.labels_N == n).any()]:
            raise ModelError("invalid_request", f"no {name} example is for {missing[0]!r}")
    examples_ND = train.vectors_ND.astype(np.float16).astype(np.float32)  # as they will be read again
    scorer: Scorer
    if kind == "linear":
        scorer = logistic(Labelled(examples_ND, train.labels_N), len(experts))
    else:
        scorer = Nearest(train.labels_N, len(experts), neighbours)
    plain = Router(tuple(experts), general, embedder, scorer, 1.0, Doubt(), examples_ND)
    temperature = _temperature(plain, held_out)
    calibrated = Router(tuple(experts), general, embedder, scorer, temperature, Doubt(), examples_ND)
    doubt = _doubt(calibrated, held_out)
    return Router(tuple(experts), general, embedder, scorer, temperature, doubt, examples_ND)


def logistic(train: Labelled, experts: int) -> Linear:
    """By accelerated gradient descent at the step that the curvature of unit vectors allows."""
    rows_ND = np.hstack([train.vectors_ND, np.ones((len(train.vectors_ND), 1), np.float32)]).astype(float)
    wanted_NL = np.eye(experts)[train.labels_N]
    weights_LD = np.zeros((experts, rows_ND.shape[1]))
    ahead_LD, step = weights_LD.copy(), 1.0  # curvature: half of |x|² = 2
    for turn in range(_STEPS):
        chances_NL = softmax(np.asarray(rows_ND @ ahead_LD.T, np.float32))
        slope_LD = (chances_NL - wanted_NL).T @ rows_ND / len(rows_ND) + _PENALTY * ahead_LD
        moved_LD = ahead_LD - step * slope_LD
        ahead_LD = moved_LD + turn / (turn + 3) * (moved_LD - weights_LD)
        weights_LD = moved_LD
    return Linear(weights_LD[:, :-1].astype(np.float32), weights_LD[:, -1].astype(np.float32))


def _temperature(router: Router, held_out: Labelled) -> float:
    """At which the held-out labels are likeliest, by golden section over its logarithm."""
    cosines = held_out.vectors_ND @ router.examples_ND.T
    scores_NL = router.scorer.scores(held_out.vectors_ND, np.asarray(cosines, np.float32))

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(softmax(scores_NL / np.float32(np.exp(logarithm))), held_out.labels_N)

    low, high = -4.0, 4.0
    for _ in range(60):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def _doubt(router: Router, held_out: Labelled) -> Doubt:
    """Bounds that a request which was routed right hardly ever passes."""
    routes = router.route(held_out.vectors_ND)
    wanted = [router.experts[label] for label in held_out.labels_N]
    right = [route for route, expert in zip(routes, wanted, strict=True) if route.likeliest == expert]
    if not right:
        raise ModelError("invalid_request", "no held-out example is routed right: the labels say nothing")
    rare = 1 - _KEPT
    return Doubt(
        probability=float(np.quantile([route.probability for route in right], rare)),
        margin=float(np.quantile([route.margin for route in right], rare)),
        distance=float(np.quantile([route.distance for route in right], _KEPT)),
    )
