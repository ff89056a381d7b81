"""Mamba-2's state space duality (arXiv:2405.21060): h = exp(dt A) h + dt x Bᵀ with one A a head, y = h C + D x.

Tokens are taken some at a time: among themselves as masked attention, through the state for what came before.

Shape letters: N tokens, B runs, T tokens of each, G groups of heads, J heads of a group, P channels of a head,
S numbers of state a channel, I inner channels, E model width. L is a second T.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import Mamba2Spec, NormSpec
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.mixers.recurrence import Recurrence, ShortConvolution, Through
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.norm import Norm

_TOKENS = 64  # taken together: the masked products grow with its square


class Mamba2(Recurrence):
    def __init__(self, width: int, spec: Mamba2Spec, index: int) -> None:
        super().__init__(index)
        self.spec = spec
        grouped = spec.groups * spec.state
        self.sizes = [spec.inner, spec.inner, grouped, grouped, spec.heads]
        self.in_proj = nn.Linear(width, sum(self.sizes), bias=spec.proj_bias)
        self.conv = ShortConvolution(spec.conv_width, spec.conv, index, bias=spec.conv_bias)
        self.dt_bias = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        self.A_log = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        self.D = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        if spec.gate is not None:
            self.norm = Norm(NormSpec("rms", spec.norm_eps), spec.inner, groups=spec.groups)
        self.out_proj = nn.Linear(spec.inner, width, bias=spec.proj_bias)

    def pool(self, memory: Memory) -> Tensor:
        return memory.recurrent[self.index]

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        return self.mixed(x_NE, lambda part, inputs_NU: part.through(inputs_NU, step))

    def mixed(self, x_NE: Tensor, through: Through) -> Tensor:
        """[N, E]. `through` takes inputs through a part with a state, and moves that state."""
        spec = self.spec
        projected = self.in_proj(x_NE).split(self.sizes, dim=-1)
        z_NI, x_NI, b_NU, c_NU, dt_NH = (
            part if by == 1.0 else part * by for part, by in zip(projected, spec.multipliers, strict=True)
        )
        xbc_NC = through(self.conv, torch.cat((x_NI, b_NU, c_NU), dim=-1))
        dt_NH = F.softplus(dt_NH.to(xbc_NC.dtype) + self.dt_bias.to(xbc_NC.dtype)).clamp(*spec.dt_limit)
        y_NI = through(self, torch.cat((xbc_NC, dt_NH), dim=-1))
        y_NI = y_NI + xbc_NC[:, : spec.inner] * self.D.to(y_NI.dtype).repeat_interleave(spec.head_dim)
        out_NE: Tensor = self.out_proj(self.gated(y_NI, z_NI).to(x_NE.dtype))
        return out_NE

    def gated(self, y_NI: Tensor, z_NI: Tensor) -> Tensor:
        """[N, I]: what the last projection reads, in the dtype of `y_NI` or of the norm's weight."""
        gate_NI = F.silu(z_NI.to(y_NI.dtype))
        if self.spec.gate == "after":
            y_NI = self.norm(y_NI)
        y_NI = y_NI * gate_NI
        if self.spec.gate == "before":
            y_NI = self.norm(y_NI)
        return y_NI

    def scan(self, inputs_BTU: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs are x, B, C and dt side by side; outputs h C; the state is h [B, H, P, S]."""
        spec = self.spec
        decay_GJ = -torch.exp(self.A_log.to(state.dtype)).view(spec.groups, -1)
        h_BGJPS, outputs = torch.unflatten(state, 1, decay_GJ.shape), []
        for part_BTU in torch.split(inputs_BTU, _TOKENS, dim=1):
            x_BTI, b_BTU, c_BTU, dt_BTH = part_BTU.split_with_sizes(self.sizes[1:], dim=-1)
            b_BTGS, c_BTGS = (torch.unflatten(part, -1, (spec.groups, spec.state)) for part in (b_BTU, c_BTU))
            x_BTGJP = torch.unflatten(x_BTI, -1, (*decay_GJ.shape, spec.head_dim))
            dt_BTGJ = torch.unflatten(dt_BTH, -1, decay_GJ.shape)
            y_BTGJP, h_BGJPS = _chunk(x_BTGJP, dt_BTGJ, dt_BTGJ * decay_GJ, b_BTGS, c_BTGS, h_BGJPS)
            outputs.append(y_BTGJP.flatten(2))
        return torch.cat(outputs, dim=1), h_BGJPS.flatten(1, 2)


def _chunk(
    x_BTGJP: Tensor, dt_BTGJ: Tensor, log_decay_BTGJ: Tensor, b_BTGS: Tensor, c_BTGS: Tensor, h_BGJPS: Tensor
) -> tuple[Tensor, Tensor]:
    """Outputs [B, T, G, J, P] of one stretch of tokens and the state after it."""
    tokens = x_BTGJP.shape[1]
    since_BTGJ = log_decay_BTGJ.cumsum(dim=1)
    dtx_BTGJP = dt_BTGJ[..., None] * x_BTGJP
    # differences before exp: of a long decay the quotient of exponentials is 0 / 0
    between_BTLGJ = since_BTGJ[:, :, None] - since_BTGJ[:, None]
    later_TL = torch.ones(tokens, tokens, dtype=torch.bool, device=x_BTGJP.device).triu_(1)
    kept_BTLGJ = between_BTLGJ.masked_fill_(later_TL[:, :, None, None], -torch.inf).exp_()
    weights_BTLGJ = torch.einsum("btgs,blgs->btlg", c_BTGS, b_BTGS)[..., None] * kept_BTLGJ
    y_BTGJP = torch.einsum("btlgj,blgjp->btgjp", weights_BTLGJ, dtx_BTGJP)
    y_BTGJP += since_BTGJ.exp()[..., None] * torch.einsum("btgs,bgjps->btgjp", c_BTGS, h_BGJPS)
    left_BTGJ = (since_BTGJ[:, -1:] - since_BTGJ).exp()
    added_BGJPS = torch.einsum("btgjp,btgs->bgjps", left_BTGJ[..., None] * dtx_BTGJP, b_BTGS)
    return y_BTGJP, since_BTGJ[:, -1].exp()[..., None, None] * h_BGJPS + added_BGJPS
