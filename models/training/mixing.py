"""The mixers over packed rows, differentiable: the served modules' weights, no document sees another.

Shape letters: B rows, T places, N = B * T, H query heads, K key heads, D head width, L a document's tokens,
C blocks of W queries, W window, S sinks, I inner channels, E model width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.kernels.library import library
from secretariat.models.kernels.packed_attention.cpu import LANES, PackedAttention
from secretariat.models.kernels.packed_attention.gradients import attended
from secretariat.models.kernels.packed_conv.cpu import MAX_TAPS, PackedConv
from secretariat.models.kernels.packed_conv.gradients import filtered
from secretariat.models.kernels.packed_ssd.cpu import PackedSsd
from secretariat.models.kernels.packed_ssd.gradients import scanned
from secretariat.models.nets.config import AttentionSpec
from secretariat.models.nets.mixers.attention import Attention
from secretariat.models.nets.mixers.mamba1 import Mamba1
from secretariat.models.nets.mixers.mamba2 import Mamba2
from secretariat.models.nets.mixers.recurrence import ShortConvolution
from secretariat.models.nets.norm import wide
from secretariat.models.training.carrying import carried_on
from secretariat.models.training.passage import Passage
from secretariat.models.training.scans import convolved, selective_scan, ssd


def mixed(mixer: nn.Module, x_BTE: Tensor, passage: Passage) -> Tensor:
    """[B, T, E] of one mixer over its normed input."""
    if passage.pieces is not None:
        return carried_on(mixer, x_BTE.flatten(0, 1), passage.pieces).view_as(x_BTE)
    match mixer:
        case Attention():
            return _attention(mixer, x_BTE, passage)
        case Mamba1():
            return _mamba1(mixer, x_BTE, passage)
        case Mamba2():
            return _mamba2(mixer, x_BTE, passage)
    raise TypeError(type(mixer).__name__)


def _attention(mixer: Attention, x_BTE: Tensor, passage: Passage) -> Tensor:
    q_NHD, k_NKD, v_NKD = mixer.projected(x_BTE.flatten(0, 1), passage.rotations)
    mixed_NHD = attend(q_NHD, k_NKD, v_NKD, passage, mixer.spec)
    out_NE: Tensor = mixer.out(mixed_NHD.flatten(1))
    return out_NE.view_as(x_BTE)


def attend(q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, passage: Passage, spec: AttentionSpec) -> Tensor:
    """[N, H, D]: each place over the keys of its own document that the window allows; padding gets zeros.

    Raises BuildError.
    """
    compiled = library()
    if compiled is not None and _is_compiled_for(q_NHD, spec):
        scale = spec.head_dim**-0.5 if spec.scale is None else spec.scale
        operation = PackedAttention(
            compiled, torch.get_num_threads(), passage.places_S2, scale, spec.window, spec.sinks
        )
        return attended(operation, q_NHD, k_NKD, v_NKD)
    parts, filled = [], 0
    for first, last in passage.places_S2.tolist():
        parts.append(q_NHD.new_zeros(first - filled, *q_NHD.shape[1:]))
        own = slice(first, last)
        parts.append(_document(q_NHD[own], k_NKD[own], v_NKD[own], passage, spec))
        filled = last
    parts.append(q_NHD.new_zeros(len(q_NHD) - filled, *q_NHD.shape[1:]))
    return torch.cat(parts)


def _is_compiled_for(q_NHD: Tensor, spec: AttentionSpec) -> bool:
    fits = spec.soft_cap is None and spec.head_dim % LANES == 0
    return fits and _is_plain(q_NHD)


def _is_plain(part: Tensor) -> bool:
    """What compiled operations read."""
    return part.dtype == torch.float32 and part.device.type == "cpu"


def _document(q_LHD: Tensor, k_LKD: Tensor, v_LKD: Tensor, passage: Passage, spec: AttentionSpec) -> Tensor:
    """[L, H, D] of one whole document."""
    if spec.window is not None and len(q_LHD) > spec.window:
        return _windowed(q_LHD, k_LKD, v_LKD, passage, spec, spec.window)
    q_1HLD, k_1KLD, v_1KLD = (part.transpose(0, 1)[None] for part in (q_LHD, k_LKD, v_LKD))
    return _softmax(q_1HLD, k_1KLD, v_1KLD, None, spec)[0].transpose(0, 1)


def _windowed(
    q_LHD: Tensor, k_LKD: Tensor, v_LKD: Tensor, passage: Passage, spec: AttentionSpec, window: int
) -> Tensor:
    """Blocks of `window` queries, each over its own block, the one before and the sinks."""
    length, blocks = len(q_LHD), -(-len(q_LHD) // window)
    behind = blocks * window - length
    q_CHWD = F.pad(q_LHD, (0, 0, 0, 0, 0, behind)).view(blocks, window, *q_LHD.shape[1:]).transpose(1, 2)
    near = (F.pad(part, (0, 0, 0, 0, window, behind)) for part in (k_LKD, v_LKD))
    near = (part.unfold(0, 2 * window, window).permute(0, 1, 3, 2) for part in near)  # [C, K, 2 W, D]
    k_CKXD, v_CKXD = (
        torch.cat((part[: spec.sinks].transpose(0, 1).expand(blocks, -1, -1, -1), blocked), dim=2)
        for part, blocked in zip((k_LKD, v_LKD), near, strict=True)
    )
    mask_C1WX = _window_mask(passage, length, window, spec.sinks, q_LHD.device)
    mixed_CHWD = _softmax(q_CHWD, k_CKXD, v_CKXD, mask_C1WX, spec)
    return mixed_CHWD.transpose(1, 2).flatten(0, 1)[:length]


def _window_mask(passage: Passage, length: int, window: int, sinks: int, device: torch.device) -> Tensor:
    """[C, 1, W, S + 2 W]: what each query sees of the sinks and of its own and the last block's keys."""
    key = (length, window, sinks)
    if key not in passage.masks:
        blocks = -(-length // window)
        at_CW1 = torch.arange(blocks * window, device=device).view(blocks, window, 1)
        near_C1X = (torch.arange(blocks, device=device)[:, None, None] - 1) * window + torch.arange(
            2 * window, device=device
        )
        first_S = torch.arange(sinks, device=device)
        near = (near_C1X <= at_CW1) & (near_C1X > at_CW1 - window) & (near_C1X >= 0)
        far = (first_S <= at_CW1 - window).expand(blocks, window, sinks)
        passage.masks[key] = torch.cat((far, near), dim=-1)[:, None]
    return passage.masks[key]


def _softmax(
    q_AHTD: Tensor, k_AKXD: Tensor, v_AKXD: Tensor, mask: Tensor | None, spec: AttentionSpec
) -> Tensor:
    """[A, H, T, D]; without a mask causal."""
    wider = wide(q_AHTD.dtype)
    if spec.soft_cap is None:
        # processors take twice the time for narrower numbers
        mixed_AHTD: Tensor = F.scaled_dot_product_attention(
            q_AHTD.to(wider), k_AKXD.to(wider), v_AKXD.to(wider), mask,
            is_causal=mask is None, scale=spec.scale, enable_gqa=spec.group > 1,
        )  # fmt: skip
        return mixed_AHTD.to(q_AHTD.dtype)
    k_AHXD, v_AHXD = (part.repeat_interleave(spec.group, dim=1) for part in (k_AKXD, v_AKXD))
    scale = spec.head_dim**-0.5 if spec.scale is None else spec.scale
    scores = (q_AHTD @ k_AHXD.transpose(-1, -2)).to(wider) * scale
    scores = spec.soft_cap * torch.tanh(scores / spec.soft_cap)
    if mask is None:
        tokens = scores.shape[-1]
        mask = torch.ones(tokens, tokens, dtype=torch.bool, device=scores.device).tril()
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights.to(v_AHXD.dtype) @ v_AHXD


def _mamba1(mixer: Mamba1, x_BTE: Tensor, passage: Passage) -> Tensor:
    x_BTI, z_BTI = mixer.in_proj(x_BTE).chunk(2, dim=-1)
    x_BTI = _convolved(mixer.conv, x_BTI, passage)
    dt_BTI, b_BTS, c_BTS = mixer.selected(x_BTI)
    decay_SI = -torch.exp(mixer.A_log.to(x_BTI.dtype)).T
    y_BTI = selective_scan(x_BTI, dt_BTI, decay_SI, b_BTS, c_BTS, passage.positions_BT)
    y_BTI = (y_BTI + mixer.D.to(y_BTI.dtype) * x_BTI) * F.silu(z_BTI.to(y_BTI.dtype))
    out_BTE: Tensor = mixer.out_proj(y_BTI.to(x_BTE.dtype))
    return out_BTE


def _mamba2(mixer: Mamba2, x_BTE: Tensor, passage: Passage) -> Tensor:
    spec = mixer.spec
    projected_BTR = mixer.in_proj(x_BTE)
    if any(by != 1.0 for by in spec.multipliers):
        parts = zip(torch.split(projected_BTR, mixer.sizes, dim=-1), spec.multipliers, strict=True)
        projected_BTR = torch.cat([part * by for part, by in parts], dim=-1)
    sizes = [spec.inner, spec.conv_width, spec.heads]
    z_BTI, xbc_BTC, dt_BTH = torch.split(projected_BTR, sizes, dim=-1)
    xbc_BTC = _convolved(mixer.conv, xbc_BTC, passage)
    dt_BTH = F.softplus(dt_BTH.to(xbc_BTC.dtype) + mixer.dt_bias.to(xbc_BTC.dtype)).clamp(*spec.dt_limit)
    y_BTI = _through_state(mixer, xbc_BTC, dt_BTH, passage)
    out_BTE: Tensor = mixer.out_proj(mixer.gated(y_BTI, z_BTI).to(x_BTE.dtype))
    return out_BTE


def _convolved(conv: ShortConvolution, x_BTC: Tensor, passage: Passage) -> Tensor:
    """[B, T, C] in float32 or wider, after SiLU. Raises BuildError."""
    compiled = library()
    x_BTC = x_BTC.to(wide(conv.weight.dtype))
    channels, taps = conv.weight.shape
    if compiled is None or not _is_plain(x_BTC) or channels % LANES or taps > MAX_TAPS:
        return convolved(conv, x_BTC, passage.positions_BT)
    operation = PackedConv(compiled, torch.get_num_threads(), passage.places_S2)
    bias_C = None if conv.bias is None else conv.bias.to(x_BTC.dtype)
    y_NC = filtered(operation, x_BTC.flatten(0, 1), conv.weight.to(x_BTC.dtype), bias_C)
    return y_NC.view_as(x_BTC)


def _through_state(mixer: Mamba2, xbc_BTC: Tensor, dt_BTH: Tensor, passage: Passage) -> Tensor:
    """[B, T, I] of y = h C + D x. Raises BuildError."""
    spec, compiled = mixer.spec, library()
    decay_H, skip_H = -torch.exp(mixer.A_log.to(xbc_BTC.dtype)), mixer.D.to(xbc_BTC.dtype)
    if compiled is not None and _is_plain(xbc_BTC) and not spec.head_dim % LANES and not spec.state % LANES:
        operation = PackedSsd(compiled, torch.get_num_threads(), passage.places_S2, spec.groups, spec.state)
        y_NI = scanned(operation, xbc_BTC.flatten(0, 1), dt_BTH.flatten(0, 1), decay_H, skip_H)
        return y_NI.view(*xbc_BTC.shape[:2], spec.inner)
    heads = (spec.groups, spec.heads // spec.groups)
    x_BTI, b_BTU, c_BTU = torch.split(xbc_BTC, mixer.sizes[1:4], dim=-1)
    y_BTGJP = ssd(
        torch.unflatten(x_BTI, -1, (*heads, spec.head_dim)),
        torch.unflatten(dt_BTH, -1, heads),
        decay_H.view(heads),
        torch.unflatten(b_BTU, -1, (spec.groups, spec.state)),
        torch.unflatten(c_BTU, -1, (spec.groups, spec.state)),
        passage.documents_BT,
    )
    return y_BTGJP.flatten(2) + x_BTI * skip_H.repeat_interleave(spec.head_dim)
