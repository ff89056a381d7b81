"""A mixture whose experts are low-rank changes of one feed-forward: all tokens share its matrices, and each adds
the changes of the few experts that its router chooses (arXiv:2403.07816 with experts as in arXiv:2106.09685).

Shape letters: N tokens, X experts, R rank, Q all ranks of all experts, I inputs, O outputs, E model width.
"""

import torch
from torch import Tensor, nn

from secretariat.models.nets.config import LowRankMoeSpec
from secretariat.models.nets.feedforward.mlp import Mlp
from secretariat.models.nets.feedforward.moe import Router


class Changes(nn.Module):
    """Of one matrix: `downs` [X, R, I] and `ups` [X, R, O]."""

    def __init__(self, spec: LowRankMoeSpec, inputs: int, outputs: int) -> None:
        super().__init__()
        shape = (spec.router.experts, spec.rank)
        self.downs = nn.Parameter(torch.empty(*shape, inputs), requires_grad=False)
        self.ups = nn.Parameter(torch.empty(*shape, outputs), requires_grad=False)

    def forward(self, x_NI: Tensor, gates_NX: Tensor) -> Tensor:
        """[N, O]. All experts are worked out: narrow as they are, that takes less than telling tokens apart."""
        low_NQ = x_NI @ self.downs.flatten(0, 1).T
        low_NXR = torch.unflatten(low_NQ, -1, self.downs.shape[:2]) * gates_NX[..., None]
        y_NO: Tensor = low_NXR.flatten(-2) @ self.ups.flatten(0, 1)
        return y_NO


class LowRankMoe(Mlp):
    def __init__(self, width: int, spec: LowRankMoeSpec) -> None:
        super().__init__(width, spec.mlp)
        hidden = spec.mlp.hidden
        self.router = Router(width, spec.router)
        self.experts = nn.ModuleDict(
            {
                "gate": Changes(spec, width, hidden),
                "up": Changes(spec, width, hidden),
                "down": Changes(spec, hidden, width),
            }
        )

    def forward(self, x_NE: Tensor) -> Tensor:
        chosen_NZ, weights_NZ = self.router(x_NE)
        none_NX = weights_NZ.new_zeros(len(x_NE), self.router.spec.experts)
        gates_NX = none_NX.scatter(1, chosen_NZ, weights_NZ).to(x_NE.dtype)
        gate_NF, up_NF = self.gate_up(x_NE).chunk(2, dim=-1)
        gate_NF = gate_NF + self.experts["gate"](x_NE, gates_NX)
        up_NF = up_NF + self.experts["up"](x_NE, gates_NX)
        inner_NF = self.activate(gate_NF) * up_NF
        out_NE: Tensor = self.down(inner_NF) + self.experts["down"](inner_NF, gates_NX)
        return out_NE
