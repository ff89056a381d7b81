"""OLMoE: queries and keys normed over all heads at once, many small experts."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import (
    Named,
    activation,
    attention,
    decoder_weights,
    experts,
    norms,
)
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
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
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    context = fields.whole("max_position_embeddings")
    bias = fields.flag("attention_bias", default=False)
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-5))
    mixer = AttentionSpec(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_dim=width // heads,
        rope=rope(fields, width // heads, context, theta=10000.0),
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
    layers = (LayerSpec((mixer,), feed_forward, norm),) * fields.whole("num_hidden_layers")
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    fields.close()
    return DecoderConfig(vocab, width, layers, norm, context, tied)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    mixer, moe = spec.mixers[0], spec.feed_forward
    assert isinstance(mixer, AttentionSpec)
    assert isinstance(moe, MoeSpec)
    return {
        **norms(tensors, at, width),
        **attention(tensors, f"{at}self_attn.", width, mixer),
        **experts(tensors, f"{at}mlp.experts.", width, moe),
        "feed_forward.router.weight": tensors.take(f"{at}mlp.gate.weight", moe.router.experts, width),
    }
