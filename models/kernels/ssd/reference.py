"""The operation in plain torch, in the precision of its inputs.

T tokens, H heads, P channels of a head, G groups of heads that share B and C, N states.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def ssd(
    x_THP: Tensor,
    dt_TH: Tensor,
    b_TGN: Tensor,
    c_TGN: Tensor,
    a_log_H: Tensor,
    d_H: Tensor,
    state_HPN: Tensor,
) -> tuple[Tensor, Tensor]:
    """One sequence: outputs [T, H, P] and the state [H, P, N] behind it. `dt_TH` as `time_steps` makes it."""
    share = x_THP.shape[1] // b_TGN.shape[1]
    b_THN, c_THN = b_TGN.repeat_interleave(share, dim=1), c_TGN.repeat_interleave(share, dim=1)
    decay_TH = torch.exp(-dt_TH * torch.exp(a_log_H))
    h_HPN = state_HPN
    outputs = []
    for x_HP, dt_H, b_HN, c_HN, decay_H in zip(x_THP, dt_TH, b_THN, c_THN, decay_TH, strict=True):
        h_HPN = decay_H[:, None, None] * h_HPN + (dt_H[:, None] * x_HP)[:, :, None] * b_HN[:, None, :]
        outputs.append((h_HPN @ c_HN[:, :, None])[..., 0] + d_H[:, None] * x_HP)
    return torch.stack(outputs) if outputs else torch.zeros_like(x_THP), h_HPN


def time_steps(dt_TH: Tensor, bias_H: Tensor, limit: tuple[float, float]) -> Tensor:
    """softplus of the projected dt and its bias, clamped."""
    return F.softplus(dt_TH + bias_H, threshold=80).clamp(*limit)
