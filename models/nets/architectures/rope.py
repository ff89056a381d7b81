"""Rotary fields of Hugging Face configurations: `rope_parameters` of version 5, `rope_scaling` before."""

import math
from typing import Literal

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.config import (
    DynamicScaling,
    LinearScaling,
    Llama3Scaling,
    LongRopeScaling,
    RopeScaling,
    RopeSpec,
    YarnScaling,
)


def rope(
    fields: Fields,
    head_dim: int,
    context: int,
    *,
    pairs: Literal["half", "interleaved"] = "half",
    theta: float | None = None,
) -> RopeSpec:
    """`theta`: the family's own where the configuration names none. Raises ModelError for an unknown kind."""
    inner = fields.nested("rope_parameters" if "rope_parameters" in fields else "rope_scaling")
    base = inner.real("rope_theta") if "rope_theta" in inner else None
    outer = fields.optional_real("rope_theta")
    if base is not None and outer not in (None, base):
        raise fields.refused("rope_theta", f"but rope_parameters say {base}")
    share = inner.real("partial_rotary_factor", fields.take("partial_rotary_factor", 1.0))
    base = base or outer or theta or fields.real("rope_theta")
    spec = RopeSpec(base, int(head_dim * share), pairs, _scaling(inner, context))
    inner.close()
    return spec


def _scaling(inner: Fields, context: int) -> RopeScaling | None:
    kind = inner.take("type", "default")
    kind = inner.take("rope_type", kind)
    original = inner.whole("original_max_position_embeddings", context)
    match kind:
        case "default":
            return None
        case "linear":
            return LinearScaling(inner.real("factor"))
        case "dynamic":
            return DynamicScaling(inner.real("factor"), original)
        case "llama3":
            low, high = inner.real("low_freq_factor"), inner.real("high_freq_factor")
            return Llama3Scaling(inner.real("factor"), low, high, original)
        case "yarn":
            return _yarn(inner, context / original, original)
        case "longrope":
            return _longrope(inner, context / original, original)
    raise inner.refused("rope_type")


def _yarn(inner: Fields, stretch: float, original: int) -> YarnScaling:
    factor = inner.real("factor", stretch)
    scale, scale_all = inner.optional_real("mscale"), inner.optional_real("mscale_all_dim")
    attention = inner.optional_real("attention_factor")
    if attention is None and scale and scale_all:
        growth = 0.1 * math.log(factor) if factor > 1 else 0.0
        attention = (scale * growth + 1) / (scale_all * growth + 1)
    fast, slow = inner.real("beta_fast", 32.0), inner.real("beta_slow", 1.0)
    return YarnScaling(factor, original, fast, slow, attention, inner.flag("truncate", default=True))


def _longrope(inner: Fields, stretch: float, original: int) -> LongRopeScaling:
    factor = inner.real("factor", stretch)
    fitting = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    short, long = tuple(inner.take("short_factor")), tuple(inner.take("long_factor"))
    return LongRopeScaling(short, long, original, inner.real("attention_factor", fitting))
