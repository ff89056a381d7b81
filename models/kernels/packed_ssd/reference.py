"""The operation in plain torch, in the precision of its input: token by token, each document by itself."""

import torch
from torch import Tensor


def packed_ssd(
    xbc_NU: Tensor, dt_NH: Tensor, rate_H: Tensor, skip_H: Tensor, spans_S2: Tensor, groups: int, size: int
) -> Tensor:
    """[N, I]; zeros where no document is."""
    heads = dt_NH.shape[1]
    inner, grouped = xbc_NU.shape[1] - 2 * groups * size, groups * size
    x_NI, b_NU, c_NU = xbc_NU.split_with_sizes([inner, grouped, grouped], dim=1)
    x_NHP = torch.unflatten(x_NI, 1, (heads, -1))
    b_NHZ, c_NHZ = (
        torch.unflatten(part, 1, (groups, size)).repeat_interleave(heads // groups, dim=1)
        for part in (b_NU, c_NU)
    )
    kept_NH, added_NHP = torch.exp(dt_NH * rate_H), dt_NH[..., None] * x_NHP
    outputs = [torch.zeros_like(x_NI[0])] * len(x_NI)
    for first, last in spans_S2.tolist():
        state_HPZ = x_NHP.new_zeros(*x_NHP.shape[1:], size)
        for n in range(first, last):
            state_HPZ = kept_NH[n, :, None, None] * state_HPZ + added_NHP[n, :, :, None] * b_NHZ[n, :, None]
            y_HP = (state_HPZ @ c_NHZ[n, :, :, None])[..., 0] + skip_H[:, None] * x_NHP[n]
            outputs[n] = y_HP.flatten()
    return torch.stack(outputs)
