"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864) and the ways to stretch it.

Every choice here is fixed for the life of a network. Dynamic NTK and LongRoPE were published as functions of the
current length; a key once rotated stays in the cache and may be shared, so all keys must use one set of angles.
Both therefore take the network's context length.

Shape letters: N tokens, H heads, D head width, P pairs.
"""

import math

import torch
from torch import Tensor

from secretariat.models.nets.config import (
    DynamicScaling,
    LinearScaling,
    Llama3Scaling,
    LongRopeScaling,
    RopeSpec,
    YarnScaling,
)
from secretariat.models.nets.norm import wide

Frequencies = tuple[Tensor, float]
Rotation = tuple[Tensor, Tensor]


def inverse_frequencies(spec: RopeSpec, context_length: int) -> Frequencies:
    """Radians a token of each pair, [dims / 2] float64 on the CPU, and the factor on cosines and sines.

    Where `context_length` exceeds the original, dynamic NTK is taken at it and LongRoPE takes its long factors.
    """
    plain_P = _frequencies(spec.theta, spec.dims)
    match spec.scaling:
        case None:
            return plain_P, 1.0
        case LinearScaling(factor):
            return plain_P / factor, 1.0
        case DynamicScaling(factor, original):
            stretch = factor * max(context_length, original) / original - (factor - 1)
            return _frequencies(spec.theta * stretch ** (spec.dims / (spec.dims - 2)), spec.dims), 1.0
        case YarnScaling() as yarn:
            return _yarn(plain_P, spec, yarn), _yarn_factor(yarn)
        case Llama3Scaling() as llama3:
            return _llama3(plain_P, llama3), 1.0
        case LongRopeScaling() as long:
            factors = long.long if context_length > long.original_context else long.short
            return plain_P / torch.tensor(factors, dtype=torch.float64, device="cpu"), long.attention_factor


def _frequencies(theta: float, dims: int) -> Tensor:
    exponents_P = torch.arange(0, dims, 2, dtype=torch.float64, device="cpu") / dims
    return theta**-exponents_P


def _yarn_factor(yarn: YarnScaling) -> float:
    if yarn.attention_factor is not None:
        return yarn.attention_factor
    return 0.1 * math.log(yarn.factor) + 1.0 if yarn.factor > 1 else 1.0


def _yarn(plain_P: Tensor, spec: RopeSpec, yarn: YarnScaling) -> Tensor:
    """Pairs that turn more than `beta_fast` times within the original context stay, those that turn less than
    `beta_slow` times are interpolated, with a linear ramp between."""

    def pair(turns: float) -> float:
        return spec.dims * math.log(yarn.original_context / (turns * math.tau)) / (2 * math.log(spec.theta))

    low, high = pair(yarn.beta_fast), pair(yarn.beta_slow)
    if yarn.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, spec.dims - 1)
    steps_P = torch.arange(len(plain_P), dtype=torch.float64, device="cpu")
    ramp_P = ((steps_P - low) / (high - low or 0.001)).clamp(0, 1)
    return plain_P * (1 - ramp_P) + plain_P / yarn.factor * ramp_P


def _llama3(plain_P: Tensor, scaling: Llama3Scaling) -> Tensor:
    """Turns within the original context decide: many keep their speed, few are slowed, a blend between."""
    turns_P = scaling.original_context * plain_P / math.tau
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    kept_P = ((turns_P - low) / (high - low)).clamp(0, 1)
    return kept_P * plain_P + (1 - kept_P) * plain_P / scaling.factor


def rotation(positions_N: Tensor, by: Frequencies, dtype: torch.dtype) -> Rotation:
    """Cosines and sines [N, 1, P] for `rotate`; the angles are taken in float64."""
    frequencies_P, factor = by
    angles_NP = positions_N.double()[:, None] * frequencies_P.to(positions_N.device)
    cosines_N1P, sines_N1P = (factor * turned[:, None] for turned in (angles_NP.cos(), angles_NP.sin()))
    return cosines_N1P.to(wide(dtype)), sines_N1P.to(wide(dtype))


def rotate(x_NHD: Tensor, by: Rotation, spec: RopeSpec) -> Tensor:
    """Turns the pairs of the first `spec.dims` numbers of each head and leaves the rest."""
    cosines_N1P, sines_N1P = by
    turned, rest = x_NHD[..., : spec.dims], x_NHD[..., spec.dims :]
    if spec.pairs == "half":
        first, second = turned.chunk(2, dim=-1)
    else:
        first, second = turned[..., ::2], turned[..., 1::2]
    both = (
        first * cosines_N1P - second * sines_N1P,
        second * cosines_N1P + first * sines_N1P,
    )
    joined = torch.cat(both, dim=-1) if spec.pairs == "half" else torch.stack(both, dim=-1).flatten(-2)
    whole = joined.to(x_NHD.dtype)
    return torch.cat((whole, rest), dim=-1) if rest.shape[-1] else whole
