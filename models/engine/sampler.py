"""From a row of logits to a token.

The random number of a draw depends on (seed, position) alone, by Philox counters (Salmon et al., SC'11), so
an answer doesn't depend on what else runs in the batch.
"""

import numpy as np
import torch
from torch import Tensor

from secretariat.models.core import SamplingParams

_HEAD = 1024  # ordering a whole vocabulary takes milliseconds, and a nucleus is nearly always smaller


def uniform(seed: int, position: int) -> float:
    """The number in [0, 1) of this draw."""
    bits = np.random.Philox(key=seed & (2**64 - 1), counter=position).random_raw()
    return float(int(bits) >> 11) * 2.0**-53


def choose(logits_V: Tensor, sampling: SamplingParams, position: int) -> int:
    """Greedy at temperature 0 (ties: the lowest id); else temperature, then top-k, then top-p."""
    if sampling.temperature <= 0:
        return int(logits_V.argmax())
    scores_V = logits_V.double() / sampling.temperature
    ids_C = None
    if sampling.top_k > 0:
        scores_V, ids_C = scores_V.topk(min(sampling.top_k, len(scores_V)))
    probabilities_C = torch.softmax(scores_V, dim=0)
    if sampling.top_p < 1:
        probabilities_C, best_C = _nucleus(probabilities_C, sampling.top_p)
        ids_C = best_C if ids_C is None else ids_C[best_C]
    mass_C = probabilities_C.cumsum(dim=0)
    target = uniform(sampling.seed, position) * float(mass_C[-1])
    drawn = int(torch.searchsorted(mass_C, torch.tensor(target, dtype=torch.float64), right=True))
    drawn = min(drawn, int(probabilities_C.nonzero()[-1]))  # rounding at the end must not leave the mask
    return drawn if ids_C is None else int(ids_C[drawn])


def _nucleus(probabilities_V: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The fewest tokens, likeliest first, whose probabilities sum to at least `top_p`, and their indices."""
    for size in (min(_HEAD, len(probabilities_V)), len(probabilities_V)):
        best_C, ids_C = probabilities_V.topk(size)
        mass_C = best_C.cumsum(dim=0)
        if mass_C[-1] >= top_p:
            break
    enough = int((mass_C < top_p).sum()) + 1
    return best_C[:enough], ids_C[:enough]


def log_probabilities(logits_V: Tensor) -> Tensor:
    """Natural logs over the allowed tokens, before temperature, top-k and top-p."""
    return torch.log_softmax(logits_V, dim=0)


def likeliest(logprobs_V: Tensor, count: int) -> list[tuple[int, float]]:
    """The `count` best tokens with a non-zero probability, best first."""
    values, ids = logprobs_V.topk(min(count, len(logprobs_V)))
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return [(int(i), float(v)) for i, v in pairs if v > -torch.inf]
