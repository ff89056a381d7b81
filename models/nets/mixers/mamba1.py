"""Mamba's selective state space (arXiv:2312.00752): h = exp(dt A) h + dt x B, y = C h + D x.

Shape letters: N tokens, B runs, T tokens of each, I inner channels, S numbers of state a channel,
R rank of dt, E model width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import Mamba1Spec, NormSpec
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.mixers.recurrence import Recurrence, ShortConvolution, Through
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.norm import Norm, standardised

_TOKENS = 32  # whose states are kept at a time: bounds memory, changes no sum


class Mamba1(Recurrence):
    def __init__(self, width: int, spec: Mamba1Spec, index: int) -> None:
        super().__init__(index)
        self.spec = spec
        self.sizes = [spec.dt_rank, spec.state, spec.state]
        self.in_proj = nn.Linear(width, 2 * spec.inner, bias=spec.proj_bias)
        self.conv = ShortConvolution(spec.inner, spec.conv, index, bias=spec.conv_bias)
        self.x_proj = nn.Linear(spec.inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(spec.dt_rank, spec.inner)
        self.A_log = nn.Parameter(torch.empty(spec.inner, spec.state), requires_grad=False)
        self.D = nn.Parameter(torch.empty(spec.inner), requires_grad=False)
        self.norm_spec = NormSpec("rms", spec.norm_eps)
        if spec.norms == "weighted":
            self.dt_norm, self.b_norm, self.c_norm = (Norm(self.norm_spec, size) for size in self.sizes)
        self.out_proj = nn.Linear(spec.inner, width, bias=spec.proj_bias)

    def pool(self, memory: Memory) -> Tensor:
        return memory.recurrent[self.index]

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        return self.mixed(x_NE, lambda part, inputs_NU: part.through(inputs_NU, step))

    def mixed(self, x_NE: Tensor, through: Through) -> Tensor:
        """[N, E]. `through` takes inputs through a part with a state, and moves that state."""
        x_NI, z_NI = self.in_proj(x_NE).chunk(2, dim=-1)
        x_NI = through(self.conv, x_NI)
        y_NI = through(self, torch.cat((x_NI, *self.selected(x_NI)), dim=-1))
        y_NI = (y_NI + self.D.to(y_NI.dtype) * x_NI) * F.silu(z_NI.to(y_NI.dtype))
        out_NE: Tensor = self.out_proj(y_NI.to(x_NE.dtype))
        return out_NE

    def selected(self, x_NI: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """dt [N, I], positive, B and C [N, S]."""
        dt_NR, b_NS, c_NS = self.x_proj(x_NI.to(self.x_proj.weight.dtype)).split(self.sizes, dim=-1)
        if self.spec.norms == "weighted":
            dt_NR, b_NS, c_NS = self.dt_norm(dt_NR), self.b_norm(b_NS), self.c_norm(c_NS)
        elif self.spec.norms == "plain":
            dt_NR, b_NS, c_NS = (standardised(part, self.norm_spec) for part in (dt_NR, b_NS, c_NS))
        dt_NI = self.dt_proj(dt_NR.to(self.dt_proj.weight.dtype)).to(x_NI.dtype)
        return F.softplus(dt_NI), b_NS.to(x_NI.dtype), c_NS.to(x_NI.dtype)

    def scan(self, inputs_BTU: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs are x, dt, B and C side by side; outputs C h; the state is h [B, S, I]."""
        inner, size = self.spec.inner, self.spec.state
        decay_SI = -torch.exp(self.A_log.to(state.dtype)).T
        h_BSI, outputs = state, []
        for part_BtU in torch.split(inputs_BTU, _TOKENS, dim=1):
            x_BtI, dt_BtI, b_BtS, c_BtS = part_BtU.split_with_sizes([inner, inner, size, size], dim=-1)
            kept_BtSI = torch.exp(dt_BtI[:, :, None] * decay_SI)
            added_BtSI = (dt_BtI * x_BtI)[:, :, None] * b_BtS[..., None]
            states = []
            for kept_BSI, added_BSI in zip(kept_BtSI.unbind(1), added_BtSI.unbind(1), strict=True):
                h_BSI = torch.addcmul(added_BSI, kept_BSI, h_BSI)
                states.append(h_BSI)
            outputs.append((c_BtS[:, :, None] @ torch.stack(states, dim=1)).squeeze(2))
        return torch.cat(outputs, dim=1), h_BSI
