"""The operations in plain torch, in the precision of their input.

Shape letters: N tokens, H heads, D head width, P pairs that turn (at most D / 2).
"""

from typing import Literal

import torch
from torch import Tensor


def rotary_table(positions_N: Tensor, frequencies_P: Tensor, *, factor: float = 1.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines [N, P], float64, of position * frequency radians, times `factor`."""
    angles_NP = positions_N.double()[:, None] * frequencies_P
    return factor * angles_NP.cos(), factor * angles_NP.sin()


def rotated(
    x_NHD: Tensor, cosines_NP: Tensor, sines_NP: Tensor, *, pairs: Literal["half", "interleaved"] = "half"
) -> Tensor:
    """Turns pairs among the first 2P numbers of each head: P apart (`half`) or side by side."""
    turning = 2 * cosines_NP.shape[1]
    turned, rest = x_NHD[..., :turning], x_NHD[..., turning:]
    c_N1P, s_N1P = cosines_NP[:, None], sines_NP[:, None]
    half = pairs == "half"
    first, second = turned.chunk(2, dim=-1) if half else (turned[..., ::2], turned[..., 1::2])
    first, second = first * c_N1P - second * s_N1P, second * c_N1P + first * s_N1P
    joined = torch.cat((first, second), -1) if half else torch.stack((first, second), -1).flatten(-2)
    return torch.cat((joined, rest), dim=-1)


def normed(x_NHD: Tensor, weight: Tensor, *, eps: float, mean: bool) -> Tensor:
    """RMSNorm, or LayerNorm without bias where `mean`: over each head for a weight [D] or [H, D], over all
    numbers of a token for a weight [H·D]."""
    N, H, D = x_NHD.shape
    across = weight.ndim == 1 and len(weight) != D
    x = x_NHD.reshape(N, -1) if across else x_NHD
    if mean:
        x = x - x.mean(dim=-1, keepdim=True)
    x = x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps) * weight
    return x.view(N, H, D)
