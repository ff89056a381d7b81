"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864), half-split layout.

Element i of the first half of a head is rotated together with element i of the second half.
"""

import torch
from torch import Tensor

Rotation = tuple[Tensor, Tensor]


def rotation(positions_N: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> Rotation:
    """Cosines [N, 1, D] and signed sines [N, 1, D] for `rotate`, computed in float32."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    angles = positions_N.to(torch.float32)[:, None] * (1.0 / theta**exponents)
    cosines, sines = angles.cos(), angles.sin()
    return (
        torch.cat((cosines, cosines), dim=-1)[:, None].to(dtype),
        torch.cat((-sines, sines), dim=-1)[:, None].to(dtype),
    )


def rotate(x_NHD: Tensor, by: Rotation) -> Tensor:
    cosines, sines = by
    return torch.addcmul(x_NHD * cosines, x_NHD.roll(x_NHD.shape[-1] // 2, dims=-1), sines)
