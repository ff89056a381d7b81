"""The operation in plain torch, in the precision of its input. Shapes: T tokens, C channels, k taps."""

import torch
from torch import Tensor
from torch.nn import functional as F


def causal_conv(
    x_TC: Tensor, weight_Ck: Tensor, bias_C: Tensor | None, state_WC: Tensor
) -> tuple[Tensor, Tensor]:
    """One sequence: outputs [T, C], and the state [k - 1, C] behind it. `state_WC`: the k - 1 inputs before,
    oldest first; zeros at the start of a sequence."""
    inputs_LC = torch.cat([state_WC, x_TC])
    channels = x_TC.shape[1]
    y_TC = F.conv1d(inputs_LC.T.unsqueeze(0), weight_Ck.unsqueeze(1), bias_C, groups=channels)[0].T
    return F.silu(y_TC), inputs_LC[len(x_TC) :]
