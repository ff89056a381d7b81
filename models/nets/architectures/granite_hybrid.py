"""Granite 4 (GraniteMoeHybrid): Mamba-2 or attention, experts with a shared MLP or that MLP alone, multipliers."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.mamba import time_step_limit
from secretariat.models.nets.architectures.parts import (
    Named,
    activation,
    attention,
    decoder_weights,
    experts,
    layer_kinds,
    mamba2,
    norms,
)
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    FeedForwardSpec,
    LayerSpec,
    Mamba2Spec,
    MixerSpec,
    MlpSpec,
    MoeSpec,
    NormSpec,
    RouterSpec,
)
from secretariat.models.nets.weights import Source, Weights

_HARMLESS = ("mamba_chunk_size", "init_method", "attention_dropout")


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width, context = fields.whole("hidden_size"), fields.whole("max_position_embeddings")
    norm = NormSpec(eps=fields.real("rms_norm_eps", 1e-6))
    mixers: Mapping[str, MixerSpec] = {
        "full_attention": _attention(fields, width, context),
        "linear_attention": _mamba(fields, width, norm.eps),
    }
    count = fields.whole("num_hidden_layers")
    kinds = layer_kinds(fields, count, ["linear_attention"] * count)
    if strange := set(kinds) - mixers.keys():
        raise fields.refused("layer_types", f"and {strange.pop()} isn't supported")
    fields.only("normalization_function", ("rmsnorm",))
    feed_forward, residual = _feed_forward(fields), fields.real("residual_multiplier", 1.0)
    layers = tuple(LayerSpec((mixers[kind],), feed_forward, norm, residual=residual) for kind in kinds)
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    embedding, scaling = fields.real("embedding_multiplier", 1.0), fields.real("logits_scaling", 1.0)
    fields.close(_HARMLESS)
    return DecoderConfig(
        vocab, width, layers, norm, context, tied, embedding_scale=embedding, logits_scale=1 / scaling
    )


def _attention(fields: Fields, width: int, context: int) -> AttentionSpec:
    heads = fields.whole("num_attention_heads")
    head_dim = fields.whole("head_dim", width // heads)
    bias = fields.flag("attention_bias", default=False)
    rotation = rope(fields, head_dim, context, theta=10000.0)
    fields.only("position_embedding_type", ("rope", "nope"))
    return AttentionSpec(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_dim=head_dim,
        rope=rotation if fields.take("position_embedding_type", "nope") == "rope" else None,
        scale=fields.real("attention_multiplier", 1.0),
        qkv_bias=bias,
        out_bias=bias,
    )


def _mamba(fields: Fields, width: int, eps: float) -> Mamba2Spec:
    heads, inner = fields.whole("mamba_n_heads", 128), fields.whole("mamba_expand", 2) * width
    head_dim = fields.take("mamba_d_head", "auto")
    head_dim = inner // heads if head_dim == "auto" else fields.whole("mamba_d_head")
    if heads * head_dim != inner:
        raise fields.refused("mamba_d_head", f"and {heads} such heads are not {inner} channels")
    return Mamba2Spec(
        heads=heads,
        head_dim=head_dim,
        state=fields.whole("mamba_d_state", 256),
        groups=fields.whole("mamba_n_groups", 1),
        conv=fields.whole("mamba_d_conv", 4),
        norm_eps=eps,
        dt_limit=time_step_limit(fields),
        conv_bias=fields.flag("mamba_conv_bias", default=True),
        proj_bias=fields.flag("mamba_proj_bias", default=False),
    )


def _feed_forward(fields: Fields) -> FeedForwardSpec:
    shared, act = fields.whole("shared_intermediate_size", 1024), activation(fields)
    count, top = (
        fields.whole("num_local_experts", 8, least=0),
        fields.whole("num_experts_per_tok", 2, least=0),
    )
    hidden = fields.whole("intermediate_size")
    if not count:
        return MlpSpec(shared, act)
    return MoeSpec(hidden, RouterSpec(count, top, score="softmax_top"), act, shared_hidden=shared)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    mixer = spec.mixers[0]
    mixed = (
        attention(tensors, f"{at}self_attn.", width, mixer)
        if isinstance(mixer, AttentionSpec)
        else _mamba_part(tensors, at, width, mixer)
    )
    return {**norms(tensors, at, width), **mixed, **_experts(tensors, at, width, spec.feed_forward)}


def _mamba_part(tensors: Tensors, at: str, width: int, mixer: object) -> Named:
    assert isinstance(mixer, Mamba2Spec)
    return mamba2(tensors, f"{at}mamba.", width, mixer)


def _experts(tensors: Tensors, at: str, width: int, spec: FeedForwardSpec | None) -> Named:
    assert isinstance(spec, MlpSpec | MoeSpec)
    hidden = spec.hidden if isinstance(spec, MlpSpec) else spec.shared_hidden
    assert hidden is not None
    up = tensors.take(f"{at}shared_mlp.input_linear.weight", 2 * hidden, width)
    down = tensors.take(f"{at}shared_mlp.output_linear.weight", width, hidden)
    if isinstance(spec, MlpSpec):
        return {"feed_forward.gate_up.weight": up, "feed_forward.down.weight": down}
    shared = {"feed_forward.shared.gate_up.weight": up, "feed_forward.shared.down.weight": down}
    return shared | _routed(tensors, f"{at}block_sparse_moe.", width, spec)


def _routed(tensors: Tensors, at: str, width: int, spec: MoeSpec) -> Named:
    """`input_linear` and `output_linear` of all experts as published, or the names transformers 5 gives them."""
    count, hidden = spec.router.experts, spec.hidden
    if f"{at}input_linear.weight" not in tensors:
        router = tensors.take(f"{at}router.weight", count, width)
        return experts(tensors, f"{at}experts.", width, spec) | {"feed_forward.router.weight": router}
    return {
        "feed_forward.router.weight": tensors.take(f"{at}router.layer.weight", count, width),
        "feed_forward.experts.gate_up.weight": tensors.take(
            f"{at}input_linear.weight", count, 2 * hidden, width
        ),
        "feed_forward.experts.down.weight": tensors.take(f"{at}output_linear.weight", count, width, hidden),
    }
