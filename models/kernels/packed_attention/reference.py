"""The operation in plain torch, in the precision of its input: each document by itself."""

import torch
from torch import Tensor

from secretariat.models.kernels.attention.reference import attend


def packed_attention(
    q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, spans_S2: Tensor, *,
    scale: float, window: int | None = None, sinks: int = 0,
) -> Tensor:  # fmt: skip
    """[N, H, D]; zeros where no document is."""
    parts, filled = [], 0
    for first, last in spans_S2.tolist():
        own = slice(first, last)
        parts.append(torch.zeros_like(q_NHD[filled:first]))
        parts.append(
            attend(q_NHD[own], k_NKD[own], v_NKD[own], start=0, scale=scale, window=window, sinks=sinks)
        )
        filled = last
    return torch.cat([*parts, torch.zeros_like(q_NHD[filled:])])
