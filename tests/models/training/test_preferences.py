"""Losses over pairs: what they are at the start, what changes them and what must not."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import log_softmax

from secretariat.models.training.preferences import (
    Answers,
    agreement,
    direct_preference_margins,
    preference_losses,
    sums_by_answer,
)

PAIRS, LENGTH, VOCAB, PROMPT = 3, 9, 11, 4


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tokens(seed: int) -> Tensor:
    return torch.randint(VOCAB, (2 * PAIRS, LENGTH), generator=torch.Generator().manual_seed(seed))


def likelihoods(logits_ATV: Tensor, tokens_AT: Tensor) -> Answers:
    """As a recipe makes them: each token predicted by the logits before it, those of the answer summed."""
    said_AT = log_softmax(logits_ATV[:, :-1], -1).gather(2, tokens_AT[:, 1:, None])[..., 0]
    answer_AT = torch.arange(1, LENGTH).expand(2 * PAIRS, -1) >= PROMPT
    owner_AT = torch.arange(2 * PAIRS)[:, None].expand(-1, LENGTH - 1)
    return Answers.of(sums_by_answer(said_AT[answer_AT], owner_AT[answer_AT], 2 * PAIRS))


def margins(policy_ATV: Tensor, reference_ATV: Tensor, tokens_AT: Tensor) -> Tensor:
    return direct_preference_margins(
        likelihoods(policy_ATV, tokens_AT), likelihoods(reference_ATV, tokens_AT), beta=0.3
    )


def test_a_policy_that_is_its_reference_has_a_loss_of_ln_2():
    logits_ATV = drawn(0, 2 * PAIRS, LENGTH, VOCAB)
    loss = preference_losses(margins(logits_ATV, logits_ATV, tokens(1))).mean()
    assert float(loss) == pytest.approx(math.log(2), abs=1e-12)


def test_at_the_start_the_gradient_is_half_of_beta_times_that_of_the_log_odds():
    logits_ATV = drawn(0, 2 * PAIRS, LENGTH, VOCAB).requires_grad_()
    said = likelihoods(logits_ATV, tokens(1))
    (plain,) = torch.autograd.grad((said.chosen_P - said.rejected_P).mean(), logits_ATV)
    loss = preference_losses(margins(logits_ATV, logits_ATV.detach(), tokens(1))).mean()
    (ours,) = torch.autograd.grad(loss, logits_ATV)
    torch.testing.assert_close(ours, -0.3 / 2 * plain)


@given(seed=st.integers(0, 1000))
def test_swapping_chosen_and_rejected_flips_the_sign_of_the_margin(seed):
    policy, reference, said = (
        drawn(seed, 2 * PAIRS, LENGTH, VOCAB),
        drawn(seed + 1, 2 * PAIRS, LENGTH, VOCAB),
        tokens(seed),
    )
    swapped = torch.arange(2 * PAIRS).view(PAIRS, 2).flip(1).flatten()
    there = margins(policy, reference, said)
    back = margins(policy[swapped], reference[swapped], said[swapped])
    torch.testing.assert_close(back, -there)


@given(seed=st.integers(0, 1000), constant=st.floats(-50, 50))
def test_adding_a_constant_to_all_logits_changes_nothing(seed, constant):
    policy, reference, said = (
        drawn(seed, 2 * PAIRS, LENGTH, VOCAB),
        drawn(seed + 1, 2 * PAIRS, LENGTH, VOCAB),
        tokens(seed),
    )
    torch.testing.assert_close(margins(policy + constant, reference, said), margins(policy, reference, said))


def test_what_the_prompt_says_has_no_gradient():
    logits_ATV = drawn(0, 2 * PAIRS, LENGTH, VOCAB).requires_grad_()
    preference_losses(margins(logits_ATV, drawn(2, 2 * PAIRS, LENGTH, VOCAB), tokens(1))).sum().backward()
    assert logits_ATV.grad is not None
    assert not logits_ATV.grad[:, : PROMPT - 1].any()
    assert logits_ATV.grad[:, PROMPT - 1 : -1].abs().sum(-1).all()


def test_the_gradient_is_that_of_finite_differences():
    logits_ATV = drawn(3, 2 * PAIRS, LENGTH, VOCAB).requires_grad_()
    reference_ATV = drawn(4, 2 * PAIRS, LENGTH, VOCAB)
    assert torch.autograd.gradcheck(
        lambda logits: preference_losses(margins(logits, reference_ATV, tokens(5)), 0.5), (logits_ATV,)
    )


def test_a_margin_asked_for_makes_the_same_lead_worth_less():
    lead = torch.tensor([1.0])
    assert preference_losses(lead, 1.0) > preference_losses(lead)
    assert float(preference_losses(lead, 1.0)) == pytest.approx(math.log(2))


def test_agreement_counts_pairs_with_the_chosen_one_ahead():
    assert agreement(torch.tensor([0.2, -0.1, 3.0, 0.0])) == 2.5
