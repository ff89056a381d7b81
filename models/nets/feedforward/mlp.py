"""The dense feed-forward: gated (arXiv:2002.05202), gate and up projections in one matrix, or plain."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import Activation, MlpSpec


def activation(name: Activation) -> Callable[[Tensor], Tensor]:
    match name:
        case "silu":
            return F.silu
        case "relu2":  # arXiv:2109.08668
            return lambda x: F.relu(x).square()
        case "gelu":
            return F.gelu
        case "gelu_tanh":
            return lambda x: F.gelu(x, approximate="tanh")


class Mlp(nn.Module):
    def __init__(self, width: int, spec: MlpSpec) -> None:
        super().__init__()
        self.spec = spec
        self.activate = activation(spec.activation)
        if spec.gated:
            self.gate_up = nn.Linear(width, 2 * spec.hidden, bias=spec.bias)
        else:
            self.up = nn.Linear(width, spec.hidden, bias=spec.bias)
        self.down = nn.Linear(spec.hidden, width, bias=spec.bias)

    def forward(self, x_NE: Tensor) -> Tensor:
        if self.spec.gated:
            gate_NF, up_NF = self.gate_up(x_NE).chunk(2, dim=-1)
            inner_NF = self.activate(gate_NF) * up_NF
        else:
            inner_NF = self.activate(self.up(x_NE))
        out_NE: Tensor = self.down(inner_NF)
        return out_NE
