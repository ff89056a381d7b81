"""Policy gradients over given numbers: advantages, the clipped objective and the distance to the reference."""

import pytest
import torch
from torch import Tensor

from secretariat.models.training.policy import (
    AnswerTokens,
    group_advantages,
    leave_one_out_advantages,
    policy_terms,
)

ANSWER_N = torch.tensor([0, 0, 0, 1, 2, 2, 3, 3, 3, 3])
ADVANTAGES_A = torch.tensor([1.0, -1.0, 0.5, -0.5], dtype=torch.float64)


def logprobs(seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return -torch.rand(len(ANSWER_N), generator=draw, dtype=torch.float64) * 3


def test_a_group_is_told_apart_by_its_own_mean_and_spread():
    advantages = group_advantages(torch.tensor([[0.0, 1.0], [10.0, 30.0]], dtype=torch.float64))
    torch.testing.assert_close(
        advantages, torch.tensor([[-1.0, 1.0]] * 2, dtype=torch.float64), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("advantages", [group_advantages, leave_one_out_advantages])
def test_a_group_whose_answers_are_worth_the_same_teaches_nothing(advantages):
    assert not advantages(torch.full((1, 4), 0.7)).any()


def test_leaving_one_out_compares_with_the_mean_of_the_others():
    advantages = leave_one_out_advantages(torch.tensor([[3.0, 1.0, 2.0]]))
    torch.testing.assert_close(advantages, torch.tensor([[1.5, -1.5, 0.0]]))


def test_where_the_policy_drew_itself_the_gradient_is_reinforce():
    policy_N = logprobs(0).requires_grad_()
    tokens = AnswerTokens(ANSWER_N, None, None)
    (ours_N,) = torch.autograd.grad(
        policy_terms(policy_N, tokens, ADVANTAGES_A, clip=0.2, kl=0.0).loss, policy_N
    )
    counts_A = torch.bincount(ANSWER_N)
    torch.testing.assert_close(ours_N, -(ADVANTAGES_A / counts_A)[ANSWER_N])


def test_a_token_that_moved_far_enough_the_right_way_is_left_alone():
    drawn_N = logprobs(0)
    policy_N = (drawn_N + torch.tensor([0.5, -0.5] * 5)).requires_grad_()  # ratios of 1.65 and 0.61
    terms = policy_terms(policy_N, AnswerTokens(ANSWER_N, drawn_N, None), ADVANTAGES_A, clip=0.2, kl=0.0)
    terms.loss.backward()
    assert policy_N.grad is not None
    moved_right_N = torch.sign(policy_N.detach() - drawn_N) == torch.sign(ADVANTAGES_A[ANSWER_N])
    assert (policy_N.grad == 0).equal(moved_right_N)
    assert terms.clipped == float(moved_right_N.sum())


def test_the_distance_is_zero_at_the_reference_and_positive_beside_it():
    at_N = logprobs(1)
    same = policy_terms(at_N, AnswerTokens(ANSWER_N, at_N, at_N), ADVANTAGES_A, clip=0.2, kl=1.0)
    beside = policy_terms(at_N, AnswerTokens(ANSWER_N, at_N, logprobs(2)), ADVANTAGES_A, clip=0.2, kl=1.0)
    assert same.distance == 0
    assert beside.distance > 0
    assert beside.loss > same.loss


def test_the_gradient_is_that_of_finite_differences():
    tokens = AnswerTokens(ANSWER_N, logprobs(3), logprobs(4))
    policy_N = logprobs(5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda policy: policy_terms(policy, tokens, ADVANTAGES_A, clip=0.2, kl=0.3).loss, (policy_N,)
    )
