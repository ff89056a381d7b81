"""What moves along time with a state, differentiable over packed rows: every document begins from zeros.

Shape letters: B rows, T places, C channels, I inner channels, S numbers of state a channel, G groups of heads,
J heads of a group, P channels of a head, N chunks of Q places. L is a second Q.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.nets.mixers.recurrence import ShortConvolution
from secretariat.models.nets.norm import wide
from secretariat.models.training.packing import PADDING

CHUNK = 64  # places taken together: the masked products grow with its square


def convolved(conv: ShortConvolution, x_BTC: Tensor, positions_BT: Tensor) -> Tensor:
    """[B, T, C] in float32 or wider, after SiLU. A tap that reaches before its document reads zero."""
    x_BTC = x_BTC.to(wide(conv.weight.dtype))
    weight_CK = conv.weight.to(x_BTC.dtype)
    taps, tokens = weight_CK.shape[1], x_BTC.shape[1]
    y_BTC = x_BTC * weight_CK[:, -1]
    for back in range(1, min(taps, tokens)):
        reached = (positions_BT[:, back:, None] >= back).to(x_BTC.dtype)
        earlier_BTC = x_BTC[:, : tokens - back] * reached * weight_CK[:, -1 - back]
        y_BTC = y_BTC + F.pad(earlier_BTC, (0, 0, back, 0))
    if conv.bias is not None:
        y_BTC = y_BTC + conv.bias.to(x_BTC.dtype)
    return F.silu(y_BTC)


def ssd(
    x_BTGJP: Tensor, dt_BTGJ: Tensor, decay_GJ: Tensor, b_BTGS: Tensor, c_BTGS: Tensor, documents_BT: Tensor
) -> Tensor:
    """[B, T, G, J, P] of h = exp(dt A) h + dt x B, y = h C (arXiv:2405.21060), in chunks.

    `decay_GJ` is A, below zero. Chunks are taken among themselves all at once; only their states come in turn.
    """
    tokens = x_BTGJP.shape[1]
    dtx_BNQGJP = _chunked(dt_BTGJ[..., None] * x_BTGJP)
    b_BNQGS, c_BNQGS = _chunked(b_BTGS), _chunked(c_BTGS)
    since_BNQGJ = _chunked(dt_BTGJ * decay_GJ).cumsum(dim=2)
    documents_BNQ = _chunked(documents_BT)
    y_BNQGJP = _within(dtx_BNQGJP, since_BNQGJ, b_BNQGS, c_BNQGS, documents_BNQ)
    nothing_B1 = torch.full_like(documents_BNQ[:, :1, 0], PADDING - 1)
    before_BN = torch.cat((nothing_B1, documents_BNQ[:, :-1, -1]), dim=1)
    goes_on_BNQ = documents_BNQ == before_BN[..., None]
    state_BNGJPS = _states(dtx_BNQGJP, since_BNQGJ, b_BNQGS, documents_BNQ, goes_on_BNQ)
    kept_BNQGJ = since_BNQGJ.exp() * goes_on_BNQ[..., None, None]
    carried = torch.einsum("bnqgs,bngjps->bnqgjp", c_BNQGS, state_BNGJPS)
    y_BNQGJP = y_BNQGJP + kept_BNQGJ[..., None] * carried
    return y_BNQGJP.flatten(1, 2)[:, :tokens]


def _chunked(part_BT: Tensor) -> Tensor:
    """[B, T, …] as [B, N, Q, …], zeros behind."""
    behind = -part_BT.shape[1] % CHUNK
    padding = (0, 0) * (part_BT.dim() - 2) + (0, behind)
    return F.pad(part_BT, padding).view(len(part_BT), -1, CHUNK, *part_BT.shape[2:])


def _within(
    dtx_BNQGJP: Tensor, since_BNQGJ: Tensor, b_BNQGS: Tensor, c_BNQGS: Tensor, documents_BNQ: Tensor
) -> Tensor:
    """What each place gets from places of its own chunk and document."""
    places = torch.arange(CHUNK, device=documents_BNQ.device)
    seen_BNQL = documents_BNQ[..., None] == documents_BNQ[..., None, :]
    seen_BNQL = seen_BNQL & (places[:, None] >= places)
    # differences before exp: of a long decay the quotient of exponentials is 0 / 0
    between = since_BNQGJ[:, :, :, None] - since_BNQGJ[:, :, None]
    kept_BNQLGJ = between.masked_fill(~seen_BNQL[..., None, None], -torch.inf).exp()
    weights_BNQLGJ = torch.einsum("bnqgs,bnlgs->bnqlg", c_BNQGS, b_BNQGS)[..., None] * kept_BNQLGJ
    return torch.einsum("bnqlgj,bnlgjp->bnqgjp", weights_BNQLGJ, dtx_BNQGJP)


def _states(
    dtx_BNQGJP: Tensor, since_BNQGJ: Tensor, b_BNQGS: Tensor, documents_BNQ: Tensor, goes_on_BNQ: Tensor
) -> Tensor:
    """[B, N, G, J, P, S]: the state with which each chunk begins, of the document that the one before ends in."""
    last_BN1 = documents_BNQ[..., -1:]
    left_BNQGJ = (since_BNQGJ[:, :, -1:] - since_BNQGJ).exp() * (documents_BNQ == last_BN1)[..., None, None]
    added_BNGJPS = torch.einsum("bnqgjp,bnqgs->bngjps", left_BNQGJ[..., None] * dtx_BNQGJP, b_BNQGS)
    kept_BNGJ = since_BNQGJ[:, :, -1].exp() * goes_on_BNQ[:, :, -1, None, None]
    state = torch.zeros_like(added_BNGJPS[:, 0])
    states = []
    for added, kept in zip(added_BNGJPS.unbind(1), kept_BNGJ.unbind(1), strict=True):
        states.append(state)
        state = kept[..., None, None] * state + added
    return torch.stack(states, dim=1)


def selective_scan(
    x_BTI: Tensor, dt_BTI: Tensor, decay_SI: Tensor, b_BTS: Tensor, c_BTS: Tensor, positions_BT: Tensor
) -> Tensor:
    """[B, T, I] of h = exp(dt A) h + dt x B, y = C h (arXiv:2312.00752). `decay_SI` is A, below zero."""
    goes_on_BT11 = (positions_BT > 0).to(x_BTI.dtype)[..., None, None]
    kept_BTSI = torch.exp(dt_BTI[:, :, None] * decay_SI) * goes_on_BT11
    added_BTSI = (dt_BTI * x_BTI)[:, :, None] * b_BTS[..., None]
    state_BSI = torch.zeros_like(added_BTSI[:, 0])
    states = []
    for kept_BSI, added_BSI in zip(kept_BTSI.unbind(1), added_BTSI.unbind(1), strict=True):
        state_BSI = torch.addcmul(added_BSI, kept_BSI, state_BSI)
        states.append(state_BSI)
    return (c_BTS[:, :, None] @ torch.stack(states, dim=1)).squeeze(2)
