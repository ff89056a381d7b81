"""A mixture of experts: each token passes the few experts that its router chooses, and perhaps a shared one.

Shape letters: N tokens, X experts, Z experts chosen for a token, F width of an expert, E model width.
"""

import torch
from torch import Tensor, nn

from secretariat.models.nets.config import MlpSpec, MoeSpec, RouterSpec
from secretariat.models.nets.feedforward.mlp import Mlp, activation
from secretariat.models.nets.norm import wide


def route(logits_NX: Tensor, spec: RouterSpec, select_bias_X: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Experts [N, Z], best first, and their weights [N, Z] in float32 or wider."""
    scores_NX = logits_NX.to(wide(logits_NX.dtype))
    if spec.score == "softmax":
        scores_NX = scores_NX.softmax(dim=-1)
    elif spec.score == "sigmoid":
        scores_NX = scores_NX.sigmoid()
    wanted_NX = scores_NX if select_bias_X is None else scores_NX + select_bias_X.to(scores_NX.dtype)
    # topk leaves open which of equals it takes
    chosen_NZ = wanted_NX.sort(dim=-1, descending=True, stable=True).indices[:, : spec.top]
    weights_NZ = scores_NX.gather(1, chosen_NZ)
    if spec.score == "softmax_top":
        weights_NZ = weights_NZ.softmax(dim=-1)
    if spec.renormalise is not None:
        size_N1 = torch.linalg.vector_norm(weights_NZ, ord=spec.renormalise, dim=-1, keepdim=True)
        weights_NZ = weights_NZ / (size_N1 + spec.eps)
    return chosen_NZ, weights_NZ * spec.scale


class Router(nn.Module):
    def __init__(self, width: int, spec: RouterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.weight = nn.Parameter(torch.empty(spec.experts, width), requires_grad=False)
        self.select_bias = (
            nn.Parameter(torch.empty(spec.experts), requires_grad=False) if spec.select_bias else None
        )

    def forward(self, x_NE: Tensor) -> tuple[Tensor, Tensor]:
        return route(x_NE @ self.weight.T, self.spec, self.select_bias)


class _Stack(nn.Module):
    """The matrices of all experts."""

    def __init__(self, experts: int, outputs: int, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, outputs, inputs), requires_grad=False)


class Experts(nn.Module):
    def __init__(self, width: int, spec: MoeSpec) -> None:
        super().__init__()
        self.activate = activation(spec.activation)
        self.gate_up = _Stack(spec.router.experts, 2 * spec.hidden, width)
        self.down = _Stack(spec.router.experts, width, spec.hidden)

    def forward(self, x_NE: Tensor, expert: int) -> Tensor:
        gate_NF, up_NF = (x_NE @ self.gate_up.weight[expert].T).chunk(2, dim=-1)
        return (self.activate(gate_NF) * up_NF) @ self.down.weight[expert].T


class Moe(nn.Module):
    """A token's experts are summed from the lowest up, whoever shares its step."""

    def __init__(self, width: int, spec: MoeSpec) -> None:
        super().__init__()
        self.router = Router(width, spec.router)
        self.experts = Experts(width, spec)
        self.shared = (
            Mlp(width, MlpSpec(spec.shared_hidden, spec.activation))
            if spec.shared_hidden is not None
            else None
        )
        self.shared_gate = nn.Linear(width, 1, bias=False) if spec.shared_gated else None

    def forward(self, x_NE: Tensor) -> Tensor:
        chosen_NZ, weights_NZ = self.router(x_NE)
        out_NE = torch.zeros_like(x_NE, dtype=weights_NZ.dtype)
        used, counts = chosen_NZ.unique(return_counts=True)
        rows_by_expert, places = _sorted_by_expert(chosen_NZ)
        first = 0
        for expert, count in zip(used.tolist(), counts.tolist(), strict=True):
            rows, taken = rows_by_expert[first : first + count], places[first : first + count]
            out_NE[rows] += self.experts(x_NE[rows], expert) * weights_NZ[rows, taken, None]
            first += count
        if self.shared is not None:
            out_NE += self._shared(x_NE)
        return out_NE.to(x_NE.dtype)

    def _shared(self, x_NE: Tensor) -> Tensor:
        assert self.shared is not None
        out_NE: Tensor = self.shared(x_NE)
        if self.shared_gate is not None:
            out_NE = out_NE * self.shared_gate(x_NE).sigmoid()
        return out_NE


def _sorted_by_expert(chosen_NZ: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and places in them of all choices, the lowest expert first."""
    order = chosen_NZ.flatten().argsort(stable=True)
    return order // chosen_NZ.shape[1], order % chosen_NZ.shape[1]
