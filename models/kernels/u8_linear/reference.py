"""The operation in plain torch: the matrix as floats, and the rounding of x to the codes of its groups."""

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.kernels.u8_linear.packing import U8Packed, unpack_u8


def rounded_rows(x_NI: Tensor, group: int) -> Tensor:
    """Each group as its least number and whole multiples of a 255th of its span."""
    groups_NGi = x_NI.reshape(len(x_NI), -1, group)
    low_NG1 = groups_NGi.amin(-1, keepdim=True)
    step_NG1 = (groups_NGi.amax(-1, keepdim=True) - low_NG1) / 255
    codes_NGi = torch.where(step_NG1 > 0, (groups_NGi - low_NG1) / step_NG1, 0).round()
    rounded_NI: Tensor = (low_NG1 + codes_NGi * step_NG1).flatten(1)
    return rounded_NI


def u8_linear(x_NI: Tensor, weight: U8Packed, bias_O: Tensor) -> Tensor:
    """x Wᵀ + b, [N, O], in the precision of `x`."""
    rounded_NI = rounded_rows(x_NI, weight.group)
    return F.linear(rounded_NI, unpack_u8(weight).to(x_NI.dtype), bias_O.to(x_NI.dtype))
