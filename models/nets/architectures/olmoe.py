"""OLMoE: queries and keys normed over all heads at once, many small experts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, activation, experts
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.architectures.uniform import plain_attention, repeated, weights_of
from secretariat.models.nets.config import (
    DecoderConfig,
    LayerSpec,
    MoeSpec,
    NormSpec,
    QkNormSpec,
    RouterSpec,
)
from secretariat.models.nets.weights import Source, Weights


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    """`clip_qkv` is refused: OLMoE would clip after the norms, our attention clips what comes before them."""
    fields = Fields(config)
    fields.only("clip_qkv", ())
    bias = fields.flag("attention_bias", default=False)
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-5))
    mixer = replace(
        plain_attention(fields, theta=10000.0),
        qk_norm=QkNormSpec(norm, over="all"),
        qkv_bias=bias,
        out_bias=bias,
    )
    router = RouterSpec(
        fields.whole("num_experts"),
        fields.whole("num_experts_per_tok"),
        renormalise=1.0 if fields.flag("norm_topk_prob", default=False) else None,
    )
    feed_forward = MoeSpec(fields.whole("intermediate_size"), router, activation(fields))
    return repeated(fields, LayerSpec((mixer,), feed_forward, norm))


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return weights_of(tensors, config, _experts)


def _experts(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    moe = spec.feed_forward
    assert isinstance(moe, MoeSpec)
    return {
        **experts(tensors, f"{at}mlp.experts.", width, moe),
        "feed_forward.router.weight": tensors.take(f"{at}mlp.gate.weight", moe.router.experts, width),
    }
