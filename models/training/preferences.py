"""Losses over pairs of answers of which people preferred one.

They take what networks said, sums of log-probabilities or scalar rewards; how these come about is not known here.

Shape letters: P pairs, N tokens, A answers.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True, slots=True)
class Answers:
    """A number [P] of each pair's chosen and of its rejected answer: the log-probability of all of its tokens, or
    a reward."""

    chosen_P: Tensor
    rejected_P: Tensor

    @classmethod
    def of(cls, numbers_A: Tensor) -> Self:
        """Of numbers in which every chosen answer stands directly before the rejected one."""
        return cls(numbers_A[0::2], numbers_A[1::2])

    @property
    def lead_P(self) -> Tensor:
        return self.chosen_P - self.rejected_P


def direct_preference_margins(policy: Answers, reference: Answers, beta: float) -> Tensor:
    """[P]: how much more the policy prefers what was chosen than the reference does, times `beta`.

    The logit of DPO (arXiv:2305.18290, eq. 7): swapping chosen and rejected flips its sign, and what depends on
    the prompt alone cancels.
    """
    return beta * (policy.lead_P - reference.lead_P)


def preference_losses(margins_P: Tensor, least: float = 0.0) -> Tensor:
    """[P]: -log sigmoid(margin - least), Bradley-Terry's negative log-likelihood of each choice.

    ln 2 where nothing is preferred yet. `least`: by how much the chosen one should at least be better.
    """
    return softplus(least - margins_P)


def agreement(margins_P: Tensor) -> float:
    """How many chosen answers are ahead; one that is level counts half."""
    return float((margins_P > 0).double().sum() + 0.5 * (margins_P == 0).double().sum())


def sums_by_answer(values_N: Tensor, answer_N: Tensor, answers: int) -> Tensor:
    """[answers]: the sum of the values of each answer's tokens; an answer without any has 0."""
    return torch.zeros(answers, dtype=values_N.dtype, device=values_N.device).index_add(0, answer_N, values_N)
