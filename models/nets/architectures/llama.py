"""Llama and what shares its layout: SmolLM2, and Mistral with its window."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import (
    Named,
    activation,
    attention,
    decoder_weights,
    mlp,
    norms,
)
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LayerSpec, MlpSpec, NormSpec
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("is_llama_config", "transformers.js_config")


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    fields.only("rope_interleaved", (False,))
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    context = fields.whole("max_position_embeddings")
    head_dim = fields.whole("head_dim", width // heads)
    bias = fields.flag("attention_bias", default=False)
    mixer = AttentionSpec(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_dim=head_dim,
        rope=rope(fields, head_dim, context, theta=10000.0),
        window=fields.whole("sliding_window") if "sliding_window" in fields else None,
        qkv_bias=bias,
        out_bias=bias,
    )
    feed_forward = MlpSpec(
        fields.whole("intermediate_size"), activation(fields), bias=fields.flag("mlp_bias", default=False)
    )
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-6))
    layers = (LayerSpec((mixer,), feed_forward, norm),) * fields.whole("num_hidden_layers")
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    fields.close(_HARMLESS)
    return DecoderConfig(vocab, width, layers, norm, context, tied)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip


def layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    """One layer of attention and an MLP in this layout."""
    mixer, feed_forward = spec.mixers[0], spec.feed_forward
    assert isinstance(mixer, AttentionSpec)
    assert isinstance(feed_forward, MlpSpec)
    return {
        **norms(tensors, at, width),
        **attention(tensors, f"{at}self_attn.", width, mixer),
        **mlp(tensors, f"{at}mlp.", width, feed_forward),
    }
