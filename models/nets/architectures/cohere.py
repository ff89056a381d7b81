"""Command R, R+ (Cohere) and R7B, A (Cohere2): attention and MLP in parallel from one LayerNorm without bias,
neighbouring rotary pairs, scaled logits. Cohere2 rotates in its windowed layers only."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import (
    Named,
    activation,
    attention,
    decoder_weights,
    layer_kinds,
    mlp,
)
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    MlpSpec,
    NormSpec,
    QkNormSpec,
)
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("cache_implementation", "use_parallel_embedding")  # how others lay out memory


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    positions, count = fields.whole("max_position_embeddings"), fields.whole("num_hidden_layers")
    context = fields.whole("model_max_length", positions)
    head_dim = fields.whole("head_dim", width // heads)
    norm = NormSpec("layer", fields.real("layer_norm_eps", 1e-5))
    rotation = rope(fields, head_dim, context, pairs="interleaved")
    bias = fields.flag("attention_bias", default=False)
    qk_norm = QkNormSpec(norm, over="heads") if fields.flag("use_qk_norm", default=False) else None
    kv_heads = fields.whole("num_key_value_heads", heads)
    feed_forward = MlpSpec(fields.whole("intermediate_size"), activation(fields))

    def layer(window: int | None, *, rotated: bool) -> LayerSpec:
        mixer = AttentionSpec(
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            rope=rotation if rotated else None,
            qk_norm=qk_norm,
            window=window,
            qkv_bias=bias,
            out_bias=bias,
        )
        return LayerSpec((mixer,), feed_forward, norm, order="parallel")

    if config.get("model_type") == "cohere2":
        window, kinds = fields.whole("sliding_window", 4096), _kinds(fields, count)
        layers = tuple(layer(window if sliding else None, rotated=sliding) for sliding in kinds)
    else:
        layers = (layer(None, rotated=True),) * count
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=True)
    scale = fields.real("logit_scale", 0.0625)
    fields.close(_HARMLESS)
    return DecoderConfig(vocab, width, layers, norm, context, tied, logits_scale=scale)


def _kinds(fields: Fields, count: int) -> list[bool]:
    """Which layers have a window. Older files give only how often one has none."""
    fields.only("order_of_interleaved_layers", ("local_attn_first",))
    fields.only("rotary_pct", (1.0, 1))
    fields.only("position_embedding_type", ("rope_gptj",))
    for name in ("use_gated_activation", "use_parallel_block", "use_embedding_sharing"):
        fields.only(name, (True,))
    every = fields.whole("sliding_window_pattern", fields.whole("layer_switch", 4))
    usual = [
        "full_attention" if index % every == every - 1 else "sliding_attention" for index in range(count)
    ]
    kinds = layer_kinds(fields, count, usual)
    if strange := set(kinds) - {"full_attention", "sliding_attention"}:
        raise fields.refused("layer_types", f"and {strange.pop()} isn't supported")
    return [kind == "sliding_attention" for kind in kinds]


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    mixer, feed_forward = spec.mixers[0], spec.feed_forward
    assert isinstance(mixer, AttentionSpec)
    assert isinstance(feed_forward, MlpSpec)
    return {
        "norm.weight": tensors.take(f"{at}input_layernorm.weight", width),
        **attention(tensors, f"{at}self_attn.", width, mixer),
        **mlp(tensors, f"{at}mlp.", width, feed_forward),
    }
