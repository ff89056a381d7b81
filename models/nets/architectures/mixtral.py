"""Mixtral: Llama's attention, and experts whose chosen weights are made to sum to one."""

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
    RouterSpec,
)
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("router_jitter_noise",)  # of training


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    context = fields.whole("max_position_embeddings")
    head_dim = fields.whole("head_dim", width // heads)
    mixer = AttentionSpec(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_dim=head_dim,
        rope=rope(fields, head_dim, context, theta=1e6),
        window=fields.whole("sliding_window") if "sliding_window" in fields else None,
    )
    router = RouterSpec(
        fields.whole("num_local_experts"), fields.whole("num_experts_per_tok"), renormalise=1.0
    )
    feed_forward = MoeSpec(fields.whole("intermediate_size"), router, activation(fields))
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-5))
    layers = (LayerSpec((mixer,), feed_forward, norm),) * fields.whole("num_hidden_layers")
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    fields.close(_HARMLESS)
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
    block = f"{at}block_sparse_moe." if f"{at}block_sparse_moe.gate.weight" in tensors else f"{at}mlp."
    return {
        **norms(tensors, at, width),
        **attention(tensors, f"{at}self_attn.", width, mixer),
        **experts(tensors, f"{block}experts.", width, moe, ("w1", "w3", "w2")),
        "feed_forward.router.weight": tensors.take(f"{block}gate.weight", moe.router.experts, width),
    }
