"""The operations in plain torch."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Activation = Literal["silu", "relu2", "gelu", "gelu_tanh"]


def activate(x_NF: Tensor, activation: Activation) -> Tensor:
    match activation:
        case "silu":
            return F.silu(x_NF)
        case "relu2":
            return F.relu(x_NF).square()
        case "gelu":
            return F.gelu(x_NF)
        case "gelu_tanh":
            return F.gelu(x_NF, approximate="tanh")


def glu(gate_up_NG: Tensor, activation: Activation) -> Tensor:
    """[N, F] of [N, 2F]: the gates, then what they gate."""
    gate_NF, up_NF = gate_up_NG.chunk(2, dim=-1)
    return activate(gate_NF, activation) * up_NF


def soft_cap(x_NV: Tensor, cap: float) -> Tensor:
    return cap * (x_NV / cap).tanh()
