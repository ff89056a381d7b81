"""SwiGLU (Shazeer 2020, arXiv:2002.05202), gate and up projections in one matrix."""

import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import MlpSpec
from secretariat.models.nets.linear import Linear


class Mlp(nn.Module):
    def __init__(self, width: int, spec: MlpSpec) -> None:
        super().__init__()
        self.gate_up = Linear(width, 2 * spec.hidden)
        self.down = Linear(spec.hidden, width)

    def forward(self, x_NE: Tensor) -> Tensor:
        gate_NF, up_NF = self.gate_up(x_NE).chunk(2, dim=-1)
        out_NE: Tensor = self.down(F.silu(gate_NF).mul_(up_NF))
        return out_NE
