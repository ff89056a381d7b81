"""The operation in plain torch, in the precision of its input. T tokens, I channels."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Gate = Literal["before", "after"]


def gated_norm(
    y_TI: Tensor, z_TI: Tensor, weight_I: Tensor | None, *, gate: Gate | None, groups: int, eps: float
) -> Tensor:
    """[T, I]. `gate`: silu(z) multiplies before or after the norm; None: there is no norm and no weight."""
    if gate is None or weight_I is None:
        return y_TI * F.silu(z_TI)
    v_TI = y_TI * F.silu(z_TI) if gate == "before" else y_TI
    v_TGC = v_TI.reshape(len(v_TI), groups, -1)
    v_TI = (v_TGC * torch.rsqrt(v_TGC.square().mean(dim=-1, keepdim=True) + eps)).flatten(-2) * weight_I
    return v_TI if gate == "before" else v_TI * F.silu(z_TI)
