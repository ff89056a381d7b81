"""Mamba-2's state space duality (arXiv:2405.21060): h = exp(dt A) h + dt x Bᵀ with one A a head, y = h C + D x.

Tokens are taken some at a time: among themselves as masked attention, through the state for what came before.

Shape letters: N tokens, B runs, T tokens of each, G groups of heads, J heads of a group, P channels of a head,
S numbers of state a channel, I inner channels, E model width. L is a second T.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import Mamba2Spec, NormSpec
from secretariat.models.nets.mixers.recurrence import Recurrence, ShortConvolution, State
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.norm import Norm

_TOKENS = 64  # taken together: the masked products grow with its square


class Mamba2(Recurrence):
    def __init__(self, width: int, spec: Mamba2Spec, index: int) -> None:
        super().__init__(index)
        self.spec = spec
        bands = (spec.inner, spec.inner, *(2 * (spec.groups * spec.state,)), spec.heads)
        self.bands = [(size, by) for size, by in zip(bands, spec.multipliers, strict=True)]
        self.in_proj = nn.Linear(width, sum(bands), bias=spec.proj_bias)
        self.conv = ShortConvolution(spec.conv_width, spec.conv, bias=spec.conv_bias)
        self.dt_bias = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        self.A_log = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        self.D = nn.Parameter(torch.empty(spec.heads), requires_grad=False)
        if spec.gate is not None:
            self.norm = Norm(NormSpec("rms", spec.norm_eps), spec.inner, groups=spec.groups)
        self.out_proj = nn.Linear(spec.inner, width, bias=spec.proj_bias)

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        parts = self.in_proj(x_NE).split([size for size, _ in self.bands], dim=-1)
        z_NI, *moving = (
            part if by == 1.0 else part * by for part, (_, by) in zip(parts, self.bands, strict=True)
        )
        y_NI = self._gated(self.through(torch.cat(moving, dim=-1), step), z_NI)
        out_NE: Tensor = self.out_proj(y_NI.to(x_NE.dtype))
        return out_NE

    def _gated(self, y_NI: Tensor, z_NI: Tensor) -> Tensor:
        gate_NI = F.silu(z_NI.to(y_NI.dtype))
        if self.spec.gate == "after":
            y_NI = self.norm(y_NI)
        y_NI = y_NI * gate_NI
        if self.spec.gate == "before":
            y_NI = self.norm(y_NI)
        return y_NI

    def scan(self, inputs_BTU: Tensor, state: State) -> tuple[Tensor, State]:
        spec = self.spec
        batch, tokens, _ = inputs_BTU.shape
        last_BWC, h_BHPS = state
        convolved_BTC, last_BWC = self.conv(inputs_BTU[..., : spec.conv_width], last_BWC)
        dtype = convolved_BTC.dtype
        dt_BTH = F.softplus(inputs_BTU[..., spec.conv_width :].to(dtype) + self.dt_bias.to(dtype))
        dt_BTGJ = dt_BTH.clamp(*spec.dt_limit).view(batch, tokens, spec.groups, -1)
        grouped = spec.groups * spec.state
        x_BTI, b_BTGS, c_BTGS = convolved_BTC.split([spec.inner, grouped, grouped], dim=-1)
        b_BTGS, c_BTGS = (part.reshape(batch, tokens, spec.groups, -1) for part in (b_BTGS, c_BTGS))
        x_BTGJP = x_BTI.reshape(batch, tokens, spec.groups, -1, spec.head_dim)
        decay_GJ = -torch.exp(self.A_log.to(dtype)).view(spec.groups, -1)
        h_BGJPS = h_BHPS.view(batch, spec.groups, -1, *h_BHPS.shape[2:])
        outputs = []
        for first in range(0, tokens, _TOKENS):
            own = slice(first, first + _TOKENS)
            y_BtGJP, h_BGJPS = _chunk(
                x_BTGJP[:, own], dt_BTGJ[:, own], dt_BTGJ[:, own] * decay_GJ, b_BTGS[:, own], c_BTGS[:, own],
                h_BGJPS,
            )  # fmt: skip
            outputs.append(y_BtGJP)
        skip_GJ1 = self.D.to(dtype).view(spec.groups, -1, 1)
        y_BTI = (torch.cat(outputs, dim=1) + skip_GJ1 * x_BTGJP).flatten(2)
        return y_BTI, (last_BWC, h_BGJPS.flatten(1, 2))


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
