"""Mixtral: Llama's attention, and experts whose chosen weights are made to sum to one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, activation, experts
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.architectures.uniform import plain_attention, repeated, weights_of
from secretariat.models.nets.config import DecoderConfig, LayerSpec, MoeSpec, NormSpec, RouterSpec
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("router_jitter_noise",)  # of training


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    mixer = replace(
        plain_attention(fields, theta=1e6),
        window=fields.whole("sliding_window") if "sliding_window" in fields else None,
    )
    router = RouterSpec(
        fields.whole("num_local_experts"), fields.whole("num_experts_per_tok"), renormalise=1.0
    )
    feed_forward = MoeSpec(fields.whole("intermediate_size"), router, activation(fields))
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-5))
    return repeated(fields, LayerSpec((mixer,), feed_forward, norm), _HARMLESS)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return weights_of(tensors, config, _experts)


def _experts(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    moe = spec.feed_forward
    assert isinstance(moe, MoeSpec)
    block = f"{at}block_sparse_moe." if f"{at}block_sparse_moe.gate.weight" in tensors else f"{at}mlp."
    return {
        **experts(tensors, f"{block}experts.", width, moe, ("w1", "w3", "w2")),
        "feed_forward.router.weight": tensors.take(f"{block}gate.weight", moe.router.experts, width),
    }
