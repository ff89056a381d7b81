"""Policy gradients over groups of answers to the same prompt: advantages, the clipped objective, the distance.

Group-relative policy optimisation (arXiv:2402.03300) and REINFORCE with the others of a group as baseline
(arXiv:2402.14740). Knows numbers alone: neither networks nor how an answer was judged.

Shape letters: G prompts, S answers to each, N tokens of all answers, A = G * S answers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.training.preferences import sums_by_answer

_LEAST_SPREAD = 1e-4


def group_advantages(rewards_GS: Tensor) -> Tensor:
    """[G, S]: rewards in standard deviations from their group's mean; 0 where a group tells nothing."""
    centred_GS = rewards_GS - rewards_GS.mean(1, keepdim=True)
    return centred_GS / (rewards_GS.std(1, correction=0, keepdim=True) + _LEAST_SPREAD)


def leave_one_out_advantages(rewards_GS: Tensor) -> Tensor:
    """[G, S]: rewards above the mean of the others in their group, which doesn't depend on the answer itself."""
    others = max(rewards_GS.shape[1] - 1, 1)
    return (rewards_GS - rewards_GS.mean(1, keepdim=True)) * rewards_GS.shape[1] / others


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """For each of the N tokens of some answers: the answer it belongs to, and its log-probability under the policy
    that drew it (None: under the one that learns, as it is) and under the reference (None: it doesn't matter)."""

    answer_N: Tensor
    drawn_N: Tensor | None
    reference_N: Tensor | None


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """`loss`: what to descend, a sum over answers. `distance`: the estimated KL divergence from the reference, and
    `clipped` the number of tokens at which the objective no longer grows, both summed over tokens."""

    loss: Tensor
    distance: float
    clipped: float


def policy_terms(
    policy_N: Tensor, tokens: AnswerTokens, advantages_A: Tensor, *, clip: float, kl: float
) -> PolicyTerms:
    """The negative objective of arXiv:2402.03300, eq. 3: for each answer the mean over its tokens.

    The divergence is estimated by exp(d) - d - 1 of d = reference - policy, which is never negative.
    """
    drawn_N = policy_N.detach() if tokens.drawn_N is None else tokens.drawn_N
    ratio_N = torch.exp(policy_N - drawn_N)
    advantage_N = advantages_A[tokens.answer_N]
    bounded_N = ratio_N.clamp(1 - clip, 1 + clip)
    gain_N = torch.minimum(ratio_N * advantage_N, bounded_N * advantage_N)
    distance_N = _distance(policy_N, tokens.reference_N)
    answers = len(advantages_A)
    counts_A = torch.bincount(tokens.answer_N, minlength=answers).clamp_min(1).to(policy_N.dtype)
    means_A = sums_by_answer(gain_N - kl * distance_N, tokens.answer_N, answers) / counts_A
    clipped_N = ratio_N * advantage_N > bounded_N * advantage_N
    return PolicyTerms(-means_A.sum(), float(distance_N.detach().sum()), float(clipped_N.sum()))


def _distance(policy_N: Tensor, reference_N: Tensor | None) -> Tensor:
    if reference_N is None:
        return torch.zeros_like(policy_N)
    ahead_N = reference_N - policy_N
    return torch.exp(ahead_N) - ahead_N - 1
