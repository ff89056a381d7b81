"""Mamba (arXiv:2312.00752) and Mamba-2 (arXiv:2405.21060): blocks of a mixer alone, without positions."""

import math
from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, decoder_weights, mamba1, mamba2
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    Mamba2Spec,
    NormSpec,
)
from secretariat.models.nets.weights import Source, Weights

# How weights were first drawn, and which code transformers runs. Our residual is always float32.
_HARMLESS = (
    "rescale_prenorm_residual", "residual_in_fp32", "time_step_min", "time_step_max", "time_step_floor",
    "time_step_init_scheme", "time_step_scale", "use_mambapy", "use_associative_scan", "chunk_size",
    "d_model", "n_layer", "d_inner", "fused_add_norm", "pad_vocab_size_multiple",
)  # fmt: skip
_CONTEXT = 1 << 20  # the architecture sets no bound; somebody's request has to have one


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    fields = Fields(config)
    width = fields.whole("hidden_size")
    norm = NormSpec(eps=fields.real("layer_norm_epsilon", 1e-5))
    second = config.get("model_type") == "mamba2"
    fields.only("hidden_act", ("silu",))
    fields.only("ssm_cfg", ({},))
    fields.only("rms_norm", (True,))
    mixer = _second(fields, norm.eps) if second else _first(fields, width)
    layers = (LayerSpec((mixer,), None, norm),) * fields.whole("num_hidden_layers")
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=not second)
    if fields.whole("intermediate_size", mixer.inner) != mixer.inner:
        raise fields.refused("intermediate_size", f"not {mixer.inner} as the others say")
    if int(fields.real("expand", 2) * width) != mixer.inner:
        raise fields.refused("expand", f"not {mixer.inner / width:g} as the others say")
    fields.close(_HARMLESS)
    return DecoderConfig(vocab, width, layers, norm, _CONTEXT, tied)


def _first(fields: Fields, width: int) -> Mamba1Spec:
    rank = fields.take("time_step_rank", "auto")
    return Mamba1Spec(
        inner=int(fields.real("expand", 2) * width),
        state=fields.whole("state_size", 16),
        conv=fields.whole("conv_kernel", 4),
        dt_rank=math.ceil(width / 16) if rank == "auto" else fields.whole("time_step_rank"),
        conv_bias=fields.flag("use_conv_bias", default=True),
        proj_bias=fields.flag("use_bias", default=False),
    )


def _second(fields: Fields, eps: float) -> Mamba2Spec:
    fields.take("time_step_rank", None)  # of Mamba-1: nothing reads it here
    fields.only("norm_before_gate", (False,))
    return Mamba2Spec(
        heads=fields.whole("num_heads"),
        head_dim=fields.whole("head_dim"),
        state=fields.whole("state_size"),
        groups=fields.whole("n_groups"),
        conv=fields.whole("conv_kernel", 4),
        norm_eps=eps,
        dt_limit=time_step_limit(fields),
        conv_bias=fields.flag("use_conv_bias", default=True),
        proj_bias=fields.flag("use_bias", default=False),
    )


def time_step_limit(fields: Fields) -> tuple[float, float]:
    """JSON has no infinity: transformers 5 writes {"__float__": "Infinity"}, version 4 wrote a bare Infinity."""
    limits = fields.take("time_step_limit", [0.0, math.inf])
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        raise fields.refused("time_step_limit", "not a pair")
    try:
        low, high = (float(x["__float__"] if isinstance(x, Mapping) else x) for x in limits)
    except (KeyError, TypeError, ValueError):
        raise fields.refused("time_step_limit", "not a pair of numbers") from None
    return low, high


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="backbone.embeddings.weight", norm="backbone.norm_f.weight", prefix="backbone.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    mixer = spec.mixers[0]
    norm = {"norm.weight": tensors.take(f"{at}norm.weight", width)}
    if isinstance(mixer, Mamba1Spec):
        return norm | mamba1(tensors, f"{at}mixer.", width, mixer)
    assert isinstance(mixer, Mamba2Spec)
    return norm | mamba2(tensors, f"{at}mixer.", width, mixer)
