"""DBRX: clipped projections, LayerNorm without bias, and the matrices of all experts stacked in one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, activation, decoder_weights
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    MoeSpec,
    NormSpec,
    RopeSpec,
    RouterSpec,
)
from secretariat.models.nets.weights import Joined, Reordered, Reshaped, Source, Transposed, Weights

_HARMLESS = ("resid_pdrop", "emb_pdrop")
_HARMLESS_INSIDE = ("attn_pdrop", "moe_loss_weight", "moe_jitter_eps", "is_encoder_decoder")
_NORM = NormSpec("layer", 1e-5)


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width, context = fields.whole("d_model"), fields.whole("max_seq_len")
    mixer = _attention(fields, width, context)
    layers = (LayerSpec((mixer,), _experts(fields, width), _NORM),) * fields.whole("n_layers")
    vocab = fields.whole("vocab_size")
    fields.only("tie_word_embeddings", (False,))
    fields.only("num_key_value_heads", (mixer.kv_heads,))
    fields.close(_HARMLESS)
    return DecoderConfig(vocab, width, layers, _NORM, context, tied_embeddings=False)


def _attention(fields: Fields, width: int, context: int) -> AttentionSpec:
    """The published base is `attn_config.rope_theta`. transformers 5 also writes `rope_parameters`, by default
    with a base that the network wasn't trained with: where the two differ nobody can tell which is right."""
    heads, inside = fields.whole("n_heads"), fields.nested("attn_config")
    head_dim = width // heads
    theta = inside.real("rope_theta", 10000.0)
    rotation = rope(fields, head_dim, context, theta=theta)
    if "rope_theta" in inside and rotation != RopeSpec(theta, head_dim):
        raise fields.refused("rope_parameters", f"but attn_config.rope_theta is {theta:g}")
    kv_heads, clip = inside.whole("kv_n_heads", 1), inside.optional_real("clip_qkv")
    inside.only("model_type", ("",))
    inside.close(_HARMLESS_INSIDE)
    return AttentionSpec(heads, kv_heads, head_dim, rotation, clip=clip)


def _experts(fields: Fields, width: int) -> MoeSpec:
    inside = fields.nested("ffn_config")
    function = inside.nested("ffn_act_fn")
    act = activation(function, "name") if "name" in function else "silu"
    function.close()
    inside.only("hidden_size", (width,))
    inside.only("model_type", ("",))
    router = RouterSpec(
        inside.whole("moe_num_experts", 4),
        inside.whole("moe_top_k", 1),
        renormalise=inside.optional_real("moe_normalize_expert_weights"),
    )
    hidden = inside.whole("ffn_hidden_size", 3584)
    inside.close(_HARMLESS_INSIDE)
    return MoeSpec(hidden, router, act)


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="transformer.wte.weight", norm="transformer.norm_f.weight", prefix="transformer.blocks.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    mixer, moe = spec.mixers[0], spec.feed_forward
    assert isinstance(mixer, AttentionSpec)
    assert isinstance(moe, MoeSpec)
    rows = (mixer.heads + 2 * mixer.kv_heads) * mixer.head_dim
    around = f"{at}norm_attn_norm."
    return {
        "norm.weight": tensors.take(f"{around}norm_1.weight", width),
        "feed_forward_norm.weight": tensors.take(f"{around}norm_2.weight", width),
        "mixers.0.qkv.weight": tensors.take(f"{around}attn.Wqkv.weight", rows, width),
        "mixers.0.out.weight": tensors.take(f"{around}attn.out_proj.weight", width, width),
        "feed_forward.router.weight": tensors.take(f"{at}ffn.router.layer.weight", moe.router.experts, width),
        **_stacked(tensors, f"{at}ffn.experts.mlp.", width, moe),
    }


def _stacked(tensors: Tensors, at: str, width: int, spec: MoeSpec) -> Named:
    """w1 (gate), v1 (up) and w2 hold expert after expert in their rows; w2 is used as it lies, [F, E]."""
    count, hidden = spec.router.experts, spec.hidden
    gate, up, down = (tensors.take(f"{at}{name}", count * hidden, width) for name in ("w1", "v1", "w2"))
    starts = np.arange(count) * hidden
    pairs = np.stack([starts, starts + count * hidden], axis=1)  # of the first gate and up row of each expert
    rows = (pairs[:, :, None] + np.arange(hidden)).reshape(-1)
    gate_up = Reordered(Joined([gate, up]), rows)
    return {
        "feed_forward.experts.gate_up.weight": Reshaped(gate_up, (count, 2 * hidden, width)),
        "feed_forward.experts.down.weight": Transposed(Reshaped(down, (count, hidden, width))),
    }
