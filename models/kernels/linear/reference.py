"""The operation in plain torch: the matrix as floats, and for q8 and q4 the rounding of x to int8 groups."""

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.linear.blocks import GROUP
from secretariat.models.kernels.linear.packing import Packed, unpack


def rounded_rows(x_NI: Tensor) -> Tensor:
    """Each group of 32 as whole multiples of a 127th of its largest number."""
    groups_NGi = x_NI.reshape(len(x_NI), -1, GROUP)
    peak_NG1 = groups_NGi.abs().amax(dim=-1, keepdim=True)
    codes_NGi = torch.where(peak_NG1 > 0, groups_NGi * (127 / peak_NG1), 0).round()
    rounded_NI: Tensor = (codes_NGi * (peak_NG1 / 127)).flatten(-2)
    return rounded_NI


def linear(x_NI: Tensor, weight: Packed, bias_O: Tensor | None = None) -> Tensor:
    """x Wᵀ + b, [N, O], in the precision of `x`."""
    if weight.form in {"q8", "q4"}:
        x_NI = rounded_rows(x_NI)
    return F.linear(x_NI, unpack(weight).to(x_NI.dtype), bias_O)
