"""Which expert answers a request, by the embedding of its words; the general one where that is in doubt.

Loads no torch: whoever has an Embedder can route. Fitting: `fitting.py`. Files: `router_files.py`.

Shape letters: Q requests, N examples, D width of an embedding, L experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext, ChatMessage
from secretariat.models.errors import ModelError

Floats = npt.NDArray[np.float32]
Kind = Literal["linear", "nearest"]
_SHARPNESS = 20.0  # of a neighbour's vote, by cosine: the scale that the embedder was trained with


@dataclass(frozen=True, slots=True)
class Doubt:
    """Below this `probability` or `margin`, or further than `distance` from every example, the router abstains."""

    probability: float = 0.0
    margin: float = 0.0
    distance: float = 2.0


@dataclass(frozen=True, slots=True)
class Route:
    """`expert` answers: the `likeliest`, or the general one where the router abstained.

    `probability` of the likeliest, calibrated; `margin` to the second; `distance`: 1 less the cosine to the
    nearest example, 0 … 2.
    """

    expert: str
    likeliest: str
    probability: float
    margin: float
    distance: float
    abstained: bool


@dataclass(frozen=True, slots=True)
class Linear:
    """Multinomial logistic regression."""

    weights_LD: Floats
    bias_L: Floats
    kind: Kind = "linear"

    def scores(self, vectors_QD: Floats, cosines_QN: Floats) -> Floats:  # noqa: ARG002
        return np.asarray(vectors_QD @ self.weights_LD.T + self.bias_L, np.float32)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The `neighbours` nearest examples vote, nearer ones with more weight. `labels_N`: experts by number."""

    labels_N: npt.NDArray[np.int64]
    experts: int
    neighbours: int
    kind: Kind = "nearest"

    def scores(self, vectors_QD: Floats, cosines_QN: Floats) -> Floats:  # noqa: ARG002
        count = min(self.neighbours, cosines_QN.shape[1])
        nearest_QK = np.argsort(-cosines_QN, axis=1, kind="stable")[:, :count]
        votes_QK = np.exp(_SHARPNESS * (np.take_along_axis(cosines_QN, nearest_QK, 1) - 1))
        sums_QL = np.full((len(cosines_QN), self.experts), 1e-9)
        for expert in range(self.experts):
            sums_QL[:, expert] += (votes_QK * (self.labels_N[nearest_QK] == expert)).sum(axis=1)
        return np.asarray(np.log(sums_QL), np.float32)


Scorer = Linear | Nearest
"""`scores` [Q, L]: their softmax at the router's temperature is how probable each expert is."""


@dataclass(frozen=True)
class Router:
    """`embedder`: SHA-256 of the weights that made its vectors; another model's would be noise to it.

    `examples_ND`: unit vectors of what it was fitted on, by which it tells what is unlike all of them.
    """

    experts: tuple[str, ...]
    general: str
    embedder: str
    scorer: Scorer
    temperature: float
    doubt: Doubt
    examples_ND: Floats

    def __post_init__(self) -> None:
        if self.general not in self.experts:
            raise ModelError("invalid_request", f"the general expert {self.general!r} is none of the experts")

    def probabilities(self, vectors_QD: Floats) -> Floats:
        """[Q, L], each row summing to 1."""
        scores_QL = self.scorer.scores(vectors_QD, self._cosines(vectors_QD)) / self.temperature
        return softmax(scores_QL)

    def route(self, vectors_QD: Floats) -> list[Route]:
        """Of unit vectors of the embedder that it was fitted with."""
        cosines_QN = self._cosines(vectors_QD)
        chances_QL = softmax(self.scorer.scores(vectors_QD, cosines_QN) / self.temperature)
        return [
            self._route(chances_L, 1 - float(nearest))
            for chances_L, nearest in zip(chances_QL, cosines_QN.max(axis=1), strict=True)
        ]

    async def choose(self, texts: Sequence[str], embedder: Embedder, call: CallContext) -> list[Route]:
        """Raises ModelError, invalid_request for another embedder than it was fitted with."""
        if not texts:
            return []
        made = await embedder.embed(texts, call)
        if made.model.weights_sha256 != self.embedder:
            raise ModelError(
                "invalid_request", f"the router was fitted with another embedder than {made.model.name}"
            )
        return self.route(np.stack([np.frombuffer(vector, "<f4") for vector in made.vectors]))

    def _cosines(self, vectors_QD: Floats) -> Floats:
        return np.asarray(vectors_QD @ self.examples_ND.T, np.float32)

    def _route(self, chances_L: Floats, distance: float) -> Route:
        order = np.argsort(-chances_L, kind="stable")
        probability = float(chances_L[order[0]])
        margin = probability - float(chances_L[order[1]]) if len(order) > 1 else 1.0
        likeliest, doubt = self.experts[int(order[0])], self.doubt
        abstained = probability < doubt.probability or margin < doubt.margin or distance > doubt.distance
        return Route(
            self.general if abstained else likeliest, likeliest, probability, margin, distance, abstained
        )


def softmax(scores_QL: Floats) -> Floats:
    raised_QL = np.exp(scores_QL - scores_QL.max(axis=1, keepdims=True))
    return np.asarray(raised_QL / raised_QL.sum(axis=1, keepdims=True), np.float32)


def asked(messages: Sequence[ChatMessage]) -> str:
    """What of a conversation says which expert it is for: the user's last words."""
    said = [message.content for message in messages if message.role == "user"]
    return said[-1] if said else messages[-1].content
