"""Llama and what shares its layout: SmolLM2, and Mistral with its window."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, activation, mlp
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.architectures.uniform import plain_attention, repeated, weights_of
from secretariat.models.nets.config import DecoderConfig, LayerSpec, MlpSpec, NormSpec
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("is_llama_config", "transformers.js_config")


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    fields.only("rope_interleaved", (False,))
    bias = fields.flag("attention_bias", default=False)
    mixer = replace(
        plain_attention(fields, theta=10000.0),
        window=fields.whole("sliding_window") if "sliding_window" in fields else None,
        qkv_bias=bias,
        out_bias=bias,
    )
    feed_forward = MlpSpec(
        fields.whole("intermediate_size"), activation(fields), bias=fields.flag("mlp_bias", default=False)
    )
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-6))
    return repeated(fields, LayerSpec((mixer,), feed_forward, norm), _HARMLESS)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return weights_of(tensors, config, _mlp)


def _mlp(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    assert isinstance(spec.feed_forward, MlpSpec)
    return mlp(tensors, f"{at}mlp.", width, spec.feed_forward)
