"""The mixers over pieces of documents whose beginnings were read before: what they carry over, and going on.

Several questions over the same sources read them once, and where an adapter acts on answers alone nothing has to
go back through what stands before. Owns what is kept of a beginning. Knows no recipe.

Shape letters: L tokens of a piece, P tokens before it, X = P + L, N tokens of all pieces, E model width,
H query heads, K key heads, D head width, U numbers a token that go into a recurrence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.config import AttentionSpec, DecoderConfig, RopeSpec
from secretariat.models.nets.mixers.attention import Attention
from secretariat.models.nets.mixers.mamba1 import Mamba1
from secretariat.models.nets.mixers.mamba2 import Mamba2
from secretariat.models.nets.mixers.recurrence import Recurrence, ShortConvolution
from secretariat.models.nets.norm import wide
from secretariat.models.nets.rotary import Rotation
from secretariat.models.training.packing import Span

Past = dict[nn.Module, tuple[Tensor, ...]]
"""Of attentions keys and values [P, K, D], of recurrences and convolutions their state."""


@dataclass(frozen=True)
class Carried:
    """`before`: of each document of one row, in its order, what was read before; empty where nothing was.
    `after` is filled with what goes on from each, without gradients."""

    before: Sequence[Past]
    after: list[Past] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.after.extend({} for _ in self.before)


@dataclass(frozen=True)
class Pieces:
    """Where the pieces of a row lie, their rotations, and what they carry."""

    spans: Sequence[Span]
    rotations: dict[RopeSpec, Rotation]
    carried: Carried


def carries(config: DecoderConfig) -> bool:
    """Attention whose scores are capped goes on from nothing."""
    return all(spec.soft_cap is None for _, _, spec in config.attentions())


def carried_on(mixer: nn.Module, x_NE: Tensor, pieces: Pieces) -> Tensor:
    """[N, E] of one mixer over its normed input; padding gets zeros or what zeros make."""
    match mixer:
        case Attention():
            return _attention(mixer, x_NE, pieces)
        case Mamba1() | Mamba2():
            return mixer.mixed(x_NE, lambda part, inputs_NU: _through(part, inputs_NU, pieces))
    raise TypeError(type(mixer).__name__)


def _attention(mixer: Attention, x_NE: Tensor, pieces: Pieces) -> Tensor:
    q_NHD, k_NKD, v_NKD = mixer.projected(x_NE, pieces.rotations)
    mixed_NHD = torch.zeros_like(q_NHD)
    for (_, start, stop), before, after in _each(pieces):
        own = slice(start, stop)
        k_XKD, v_XKD = (
            torch.cat((old, new[own])) if old is not None else new[own]
            for old, new in zip(before.get(mixer, (None, None)), (k_NKD, v_NKD), strict=True)
        )
        after[mixer] = k_XKD.detach(), v_XKD.detach()
        mixed_NHD = torch.slice_scatter(
            mixed_NHD, _attended(q_NHD[own], k_XKD, v_XKD, mixer.spec), 0, start, stop
        )
    out_NE: Tensor = mixer.out(mixed_NHD.flatten(1))
    return out_NE


def _attended(q_LHD: Tensor, k_XKD: Tensor, v_XKD: Tensor, spec: AttentionSpec) -> Tensor:
    """[L, H, D] of the last L of X places."""
    wider = wide(q_LHD.dtype)
    q_1HLD, k_1KXD, v_1KXD = (part.to(wider).transpose(0, 1)[None] for part in (q_LHD, k_XKD, v_XKD))
    whole = len(q_LHD) == len(k_XKD) and (spec.window is None or spec.window >= len(k_XKD))
    mask_LX = None if whole else _seen(len(q_LHD), len(k_XKD), spec).to(q_LHD.device)
    mixed_1HLD = F.scaled_dot_product_attention(
        q_1HLD, k_1KXD, v_1KXD, mask_LX, is_causal=whole, scale=spec.scale, enable_gqa=spec.group > 1
    )
    return mixed_1HLD[0].transpose(0, 1).to(q_LHD.dtype)


def _seen(tokens: int, places: int, spec: AttentionSpec) -> Tensor:
    """[L, X]: each of the last L places sees itself and those before, as far as its window and the sinks go."""
    at_L1 = torch.arange(places - tokens, places)[:, None]
    place_X = torch.arange(places)
    seen_LX = place_X <= at_L1
    if spec.window is None:
        return seen_LX
    return seen_LX & ((place_X > at_L1 - spec.window) | (place_X < spec.sinks))


def _through(part: Recurrence, inputs_NU: Tensor, pieces: Pieces) -> Tensor:
    """What `part.scan` makes of each piece; zeros behind the last."""
    outputs = []
    for (_, start, stop), before, after in _each(pieces):
        (state,) = before.get(part) or (_zeros(part, inputs_NU),)
        y_1LO, state = part.scan(inputs_NU[None, start:stop], state)
        after[part] = (state.detach(),)
        outputs.append(y_1LO[0])
    y_NO = torch.cat(outputs)
    return F.pad(y_NO, (0, 0, 0, len(inputs_NU) - len(y_NO)))


def _zeros(part: Recurrence, inputs_NU: Tensor) -> Tensor:
    match part:
        case ShortConvolution():
            shape: tuple[int, ...] = (part.weight.shape[1] - 1, len(part.weight))
        case Mamba1():
            shape = (part.spec.state, part.spec.inner)
        case Mamba2():
            shape = (part.spec.heads, part.spec.head_dim, part.spec.state)
        case _:
            raise TypeError(type(part).__name__)
    return inputs_NU.new_zeros(1, *shape, dtype=wide(inputs_NU.dtype))


def _each(pieces: Pieces) -> list[tuple[Span, Past, Past]]:
    return list(zip(pieces.spans, pieces.carried.before, pieces.carried.after, strict=True))
