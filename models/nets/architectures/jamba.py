"""Jamba (arXiv:2403.19887): Mamba-1 with normed dt, B and C, an attention layer without positions now and then,
and experts in every other layer whose weights are left as the softmax gave them."""

import math
from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import (
    Named,
    activation,
    attention,
    decoder_weights,
    experts,
    mamba1,
    mlp,
    norms,
)
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    MlpSpec,
    MoeSpec,
    NormSpec,
    RouterSpec,
)
from secretariat.models.nets.weights import Source, Weights

# Which code transformers runs, and how many logits it returns.
_HARMLESS = (
    "use_mamba_kernels", "use_mambapy", "use_associative_scan", "num_logits_to_keep",
    "calc_logits_for_entire_prompt",
)  # fmt: skip


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    fields.only("sliding_window", ())
    kv_heads = fields.whole("num_key_value_heads", heads)
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-6))
    attending = AttentionSpec(heads, kv_heads, width // heads, rope=None)
    scanning = _mamba(fields, width, norm.eps)
    hidden, kind = fields.whole("intermediate_size"), activation(fields)
    dense = MlpSpec(hidden, kind)
    router = RouterSpec(fields.whole("num_experts", 16), fields.whole("num_experts_per_tok", 2))
    sparse = MoeSpec(hidden, router, kind) if router.experts > 1 else dense
    every, first = fields.whole("attn_layer_period", 8), fields.whole("attn_layer_offset", 4, least=0)
    spaced, begin = fields.whole("expert_layer_period", 2), fields.whole("expert_layer_offset", 1, least=0)
    layers = tuple(
        LayerSpec(
            (attending if index % every == first else scanning,),
            sparse if index % spaced == begin else dense,
            norm,
        )
        for index in range(fields.whole("num_hidden_layers"))
    )
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    context = fields.whole("max_position_embeddings", 262144)
    fields.close(_HARMLESS)
    return DecoderConfig(vocab, width, layers, norm, context, tied)


def _mamba(fields: Fields, width: int, eps: float) -> Mamba1Spec:
    rank = fields.take("mamba_dt_rank", "auto")
    fields.only("mamba_inner_layernorms", (True,))
    return Mamba1Spec(
        inner=fields.whole("mamba_expand", 2) * width,
        state=fields.whole("mamba_d_state", 16),
        conv=fields.whole("mamba_d_conv", 4),
        dt_rank=math.ceil(width / 16) if rank == "auto" else fields.whole("mamba_dt_rank"),
        norms="weighted",
        norm_eps=eps,
        conv_bias=fields.flag("mamba_conv_bias", default=True),
        proj_bias=fields.flag("mamba_proj_bias", default=False),
    )


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="model.embed_tokens.weight", norm="model.final_layernorm.weight", prefix="model.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    return {
        **norms(tensors, at, width, second="pre_ff_layernorm"),
        **_mixer(tensors, at, width, spec),
        **_feed_forward(tensors, f"{at}feed_forward.", width, spec),
    }


def _mixer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    if isinstance(mixer := spec.mixers[0], AttentionSpec):
        return attention(tensors, f"{at}self_attn.", width, mixer)
    assert isinstance(mixer, Mamba1Spec)
    return mamba1(tensors, f"{at}mamba.", width, mixer)


def _feed_forward(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    if isinstance(feed_forward := spec.feed_forward, MlpSpec):
        return mlp(tensors, at, width, feed_forward)
    assert isinstance(feed_forward, MoeSpec)
    router = tensors.take(f"{at}router.weight", feed_forward.router.experts, width)
    routed = experts(tensors, f"{at}experts.", width, feed_forward)
    return {**routed, "feed_forward.router.weight": router}
