"""The operation in plain torch, in the precision of its input: each document by itself."""

import torch
import torch.nn.functional as F
from torch import Tensor


def packed_conv(x_NC: Tensor, weight_KC: Tensor, bias_C: Tensor, spans_S2: Tensor) -> Tensor:
    """[N, C]; zeros where no document is."""
    taps = len(weight_KC)
    y_NC = torch.zeros_like(x_NC)
    for first, last in spans_S2.tolist():
        seen_LC = F.pad(x_NC[first:last], (0, 0, taps - 1, 0))
        windows_LCK = seen_LC.unfold(0, taps, 1)
        y_NC[first:last] = F.silu((windows_LCK * weight_KC.T).sum(dim=-1) + bias_C)
    return y_NC
