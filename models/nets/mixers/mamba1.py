"""Mamba's selective state space (arXiv:2312.00752): h = exp(dt A) h + dt x B, y = C h + D x.

Shape letters: N tokens, B runs, T tokens of each, I inner channels, S numbers of state a channel, E model width.
The R of dt's low rank lies in the projections alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import Mamba1Spec, NormSpec
from secretariat.models.nets.mixers.recurrence import Recurrence, ShortConvolution, State
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.norm import Norm, standardised

_TOKENS = 32  # whose states are kept at a time: bounds memory, changes no sum


class Mamba1(Recurrence):
    def __init__(self, width: int, spec: Mamba1Spec, index: int) -> None:
        super().__init__(index)
        self.spec = spec
        self.sizes = [spec.dt_rank, spec.state, spec.state]
        self.in_proj = nn.Linear(width, 2 * spec.inner, bias=spec.proj_bias)
        self.conv = ShortConvolution(spec.inner, spec.conv, bias=spec.conv_bias)
        self.x_proj = nn.Linear(spec.inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(spec.dt_rank, spec.inner)
        self.A_log = nn.Parameter(torch.empty(spec.inner, spec.state), requires_grad=False)
        self.D = nn.Parameter(torch.empty(spec.inner), requires_grad=False)
        self.norm_spec = NormSpec("rms", spec.norm_eps)
        if spec.norms == "weighted":
            self.dt_norm, self.b_norm, self.c_norm = (Norm(self.norm_spec, size) for size in self.sizes)
        self.out_proj = nn.Linear(spec.inner, width, bias=spec.proj_bias)

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        x_NI, z_NI = self.in_proj(x_NE).chunk(2, dim=-1)
        y_NI = self.through(x_NI, step) * F.silu(z_NI)
        out_NE: Tensor = self.out_proj(y_NI.to(x_NE.dtype))
        return out_NE

    def scan(self, inputs_BTU: Tensor, state: State) -> tuple[Tensor, State]:
        last_BWI, h_BSI = state
        x_BTI, last_BWI = self.conv(inputs_BTU, last_BWI)
        dt_BTI, b_BTS, c_BTS = self._selected(x_BTI)
        decay_SI = -torch.exp(self.A_log.to(x_BTI.dtype)).T
        outputs = []
        for first in range(0, x_BTI.shape[1], _TOKENS):
            dt_BtI, x_BtI, b_BtS, c_BtS = (
                part[:, first : first + _TOKENS] for part in (dt_BTI, x_BTI, b_BTS, c_BTS)
            )
            kept_BtSI = torch.exp(dt_BtI[:, :, None] * decay_SI)
            added_BtSI = (dt_BtI * x_BtI)[:, :, None] * b_BtS[..., None]
            states = []
            for kept_BSI, added_BSI in zip(kept_BtSI.unbind(1), added_BtSI.unbind(1), strict=True):
                h_BSI = torch.addcmul(added_BSI, kept_BSI, h_BSI)
                states.append(h_BSI)
            outputs.append((c_BtS[:, :, None] @ torch.stack(states, dim=1)).squeeze(2))
        y_BTI = torch.cat(outputs, dim=1) + self.D.to(x_BTI.dtype) * x_BTI
        return y_BTI, (last_BWI, h_BSI)

    def _selected(self, x_BTI: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """dt [B, T, I], positive, B and C [B, T, S]."""
        dt_BTR, b_BTS, c_BTS = self.x_proj(x_BTI.to(self.x_proj.weight.dtype)).split(self.sizes, dim=-1)
        if self.spec.norms == "weighted":
            dt_BTR, b_BTS, c_BTS = self.dt_norm(dt_BTR), self.b_norm(b_BTS), self.c_norm(c_BTS)
        elif self.spec.norms == "plain":
            dt_BTR, b_BTS, c_BTS = (standardised(part, self.norm_spec) for part in (dt_BTR, b_BTS, c_BTS))
        dt_BTI = self.dt_proj(dt_BTR.to(self.dt_proj.weight.dtype)).to(x_BTI.dtype)
        return F.softplus(dt_BTI), b_BTS.to(x_BTI.dtype), c_BTS.to(x_BTI.dtype)
