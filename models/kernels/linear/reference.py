"""The operation in plain torch: the matrix as floats, and where it is in groups the rounding of x to theirs."""

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.linear.blocks import GROUP
from secretariat.models.kernels.linear.packing import Packed, unpack

_STEPS = {"bfloat16": 4095, "q8": 127, "q4": 127}


def rounded_rows(x_NI: Tensor, steps: int) -> Tensor:
    """Each group of 32 as whole multiples of its largest number divided by `steps`."""
    inputs = x_NI.shape[1]
    groups_NGi = F.pad(x_NI, (0, -inputs % GROUP)).reshape(len(x_NI), -1, GROUP)
    peak_NG1 = groups_NGi.abs().amax(dim=-1, keepdim=True)
    codes_NGi = torch.where(peak_NG1 > 0, groups_NGi * (steps / peak_NG1), 0).round()
    rounded_NI: Tensor = (codes_NGi * (peak_NG1 / steps)).flatten(-2)[:, :inputs]
    return rounded_NI


def linear(x_NI: Tensor, weight: Packed, bias_O: Tensor | None = None) -> Tensor:
    """x Wᵀ + b, [N, O], in the precision of `x`."""
    if weight.form in _STEPS:
        x_NI = rounded_rows(x_NI, _STEPS[weight.form])
    return F.linear(x_NI, unpack(weight).to(x_NI.dtype), bias_O)
