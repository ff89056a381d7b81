"""The operations in plain torch, in their inputs' precision. T tokens, I channels, N states, R rank of dt."""

import torch
from torch import Tensor
from torch.nn import functional as F

from secretariat.models.kernels.norm.reference import norm


def scan_inputs(
    projected_TP: Tensor, rank: int, state: int, weights: tuple[Tensor, Tensor, Tensor] | None, *, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """dt [T, R], B [T, N], C [T, N] of a projection [T, R + 2 N]; each by its RMSNorm where there are weights."""
    parts = torch.split(projected_TP, [rank, state, state], dim=-1)
    if weights is not None:
        parts = tuple(
            norm(part, weight, eps=eps, mean=False) for part, weight in zip(parts, weights, strict=True)
        )
    dt, b, c = parts
    return dt, b, c


def selective_scan(
    x_TI: Tensor,
    dt_TI: Tensor,
    b_TN: Tensor,
    c_TN: Tensor,
    z_TI: Tensor,
    a_log_IN: Tensor,
    d_I: Tensor,
    state_NI: Tensor,
) -> tuple[Tensor, Tensor]:
    """One sequence: gated outputs [T, I] and the state [N, I] behind it. `dt_TI` before softplus."""
    dt_TI = F.softplus(dt_TI, threshold=80)
    a_NI = -torch.exp(a_log_IN).T
    h_NI = state_NI
    outputs = []
    for x_I, dt_I, b_N, c_N in zip(x_TI, dt_TI, b_TN, c_TN, strict=True):
        h_NI = torch.exp(dt_I * a_NI) * h_NI + (dt_I * x_I) * b_N[:, None]
        outputs.append(c_N @ h_NI + d_I * x_I)
    y_TI = torch.stack(outputs) if outputs else torch.zeros_like(x_TI)
    return y_TI * F.silu(z_TI), h_NI
