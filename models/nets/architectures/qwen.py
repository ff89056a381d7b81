"""Qwen2 (biased projections) and Qwen3 (normed queries and keys), dense."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures import llama
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import activation, layer_kinds
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    MlpSpec,
    NormSpec,
    QkNormSpec,
)

weights = llama.weights


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    third = config.get("model_type") == "qwen3"
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    context = fields.whole("max_position_embeddings")
    head_dim = fields.whole("head_dim", 128 if third else width // heads)
    bias = fields.flag("attention_bias", default=False)
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-6))
    feed_forward = MlpSpec(fields.whole("intermediate_size"), activation(fields))
    kv_heads = fields.whole("num_key_value_heads", heads)
    rotation = rope(fields, head_dim, context, theta=10000.0)

    def layer(window: int | None) -> LayerSpec:
        mixer = AttentionSpec(
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            rope=rotation,
            qk_norm=QkNormSpec(norm) if third else None,
            window=window,
            qkv_bias=bias or not third,
            out_bias=bias,
        )
        return LayerSpec((mixer,), feed_forward, norm)

    layers = tuple(layer(window) for window in _windows(fields))
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    fields.close()
    return DecoderConfig(vocab, width, layers, norm, context, tied)


def _windows(fields: Fields) -> list[int | None]:
    """Of each layer. Without `use_sliding_window` a configuration's `sliding_window` means nothing."""
    count = fields.whole("num_hidden_layers")
    window = fields.take("sliding_window", None)
    if not fields.flag("use_sliding_window", default=False):
        window = None
    full = fields.whole("max_window_layers", count, least=0)
    usual = ["full_attention" if window is None or i < full else "sliding_attention" for i in range(count)]
    kinds = layer_kinds(fields, count, usual)
    if strange := set(kinds) - {"full_attention", "sliding_attention"}:
        raise fields.refused("layer_types", f"and {strange.pop()} isn't supported")
    return [window if kind == "sliding_attention" else None for kind in kinds]
