"""From a row of logits to a token.

The random number of a draw depends on (seed, position) alone, by Philox counters (Salmon et al., SC'11), so
an answer doesn't depend on what else runs in the batch.
"""

import numpy as np
import torch
from torch import Tensor

from secretariat.models.core import SamplingParams


def uniform(seed: int, position: int) -> float:
    """The number in [0, 1) of this draw."""
    bits = np.random.Philox(key=seed & (2**64 - 1), counter=position).random_raw()
    return float(int(bits) >> 11) * 2.0**-53


def choose(logits_V: Tensor, sampling: SamplingParams, position: int) -> int:
    """Greedy at temperature 0 (ties: the lowest id); else temperature, then top-k, then top-p."""
    if sampling.temperature <= 0:
        return int(logits_V.argmax())
    scores_V, ids_V = torch.sort(logits_V.double() / sampling.temperature, descending=True, stable=True)
    if sampling.top_k > 0:
        scores_V = scores_V[: sampling.top_k]
    mass_V = torch.softmax(scores_V, dim=0).cumsum(dim=0)
    if sampling.top_p < 1:
        mass_V = mass_V[: int((mass_V < sampling.top_p).sum()) + 1]
    target = uniform(sampling.seed, position) * float(mass_V[-1])
    rank = int(torch.searchsorted(mass_V, torch.tensor(target, dtype=torch.float64), right=True))
    return int(ids_V[min(rank, len(mass_V) - 1)])


def log_probabilities(logits_V: Tensor) -> Tensor:
    """Natural logs over the allowed tokens, before temperature, top-k and top-p."""
    return torch.log_softmax(logits_V, dim=0)


def likeliest(logprobs_V: Tensor, count: int) -> list[tuple[int, float]]:
    """The `count` best tokens with a non-zero probability, best first."""
    values, ids = logprobs_V.topk(min(count, len(logprobs_V)))
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return [(int(i), float(v)) for i, v in pairs if v > -torch.inf]
