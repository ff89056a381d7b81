"""The operation in plain torch, in the precision of its input."""

import torch
from torch import Tensor


def norm(x_NE: Tensor, weight_E: Tensor, *, eps: float, mean: bool) -> Tensor:
    """[N, E]: LayerNorm without bias where `mean`, else RMSNorm."""
    if mean:
        x_NE = x_NE - x_NE.mean(dim=-1, keepdim=True)
    return x_NE * torch.rsqrt(x_NE.square().mean(dim=-1, keepdim=True) + eps) * weight_E
