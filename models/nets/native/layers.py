"""Lays out a decoder: embedding, layers in their order, final norm and head.

What a mixer or a feed-forward consists of is in the file of that name. Knows no steps.

Shape letters: N tokens of the step, M rows whose logits are wanted, E model width, V vocabulary.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor

from secretariat.models.kernels.embedding.cpu import add_embedding
from secretariat.models.kernels.glu.cpu import add_soft_cap
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.untouched import untouched
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    FeedForwardSpec,
    LayerSpec,
    LowRankMoeSpec,
    Mamba1Spec,
    Mamba2Spec,
    MixerSpec,
    MlpSpec,
    MoeSpec,
)
from secretariat.models.nets.native.attention import add_attention_mixer, add_rotary_tables
from secretariat.models.nets.native.builder import Builder
from secretariat.models.nets.native.low_rank_moe import add_low_rank_moe
from secretariat.models.nets.native.mamba1 import add_mamba1_mixer
from secretariat.models.nets.native.mamba2 import add_mamba2_mixer
from secretariat.models.nets.native.mlp import add_mlp
from secretariat.models.nets.native.moe import add_moe


def matrices(config: DecoderConfig) -> Iterator[str]:
    """Names of the weights that are held in panels, as the layers below ask for them."""
    yield from ("embedding.weight",) if config.tied_embeddings else ("embedding.weight", "head.weight")
    for number, layer in enumerate(config.layers):
        for index, mixer in enumerate(layer.mixers):
            yield from (f"layers.{number}.mixers.{index}.{part}.weight" for part in _mixer_matrices(mixer))
        if layer.feed_forward is not None:
            parts = _feed_forward_matrices(layer.feed_forward)
            yield from (f"layers.{number}.feed_forward.{part}.weight" for part in parts)


def _mixer_matrices(spec: MixerSpec) -> tuple[str, ...]:
    match spec:
        case AttentionSpec():
            return ("qkv", "out")
        case Mamba1Spec():
            return ("in_proj", "x_proj", "dt_proj", "out_proj")
        case Mamba2Spec():
            return ("in_proj", "out_proj")


def _feed_forward_matrices(spec: FeedForwardSpec) -> tuple[str, ...]:
    match spec:
        case MlpSpec():
            return ("gate_up" if spec.gated else "up", "down")
        case LowRankMoeSpec():
            return ("gate_up", "down")
        case MoeSpec():
            shared = ("shared.gate_up", "shared.down") if spec.shared_hidden is not None else ()
            gate = ("shared_gate",) if spec.shared_hidden is not None and spec.shared_gated else ()
            return ("experts.gate_up", "experts.down", *shared, *gate)


def add_decoder(builder: Builder, commits: Program, config: DecoderConfig) -> Tensor:
    """The whole forward pass in `builder.program`; what advances states by held tokens in `commits`.

    Returns where the logits will be, [tokens, V]: the first M rows of it.
    """
    x_NE = builder.buffer("residual", config.width)
    embedding_VE = builder.matrix("embedding.weight")
    add_embedding(builder.program, embedding_VE, x_NE, scale=config.embedding_scale)
    add_rotary_tables(builder, config)
    ordinals = _ordinals(config)
    for number, layer in enumerate(config.layers):
        _add_layer(builder, commits, layer, number, ordinals, x_NE)
    normed_ME = builder.buffer("normed", config.width)
    builder.norm("norm", x_NE, normed_ME, config.norm, wanted=True)
    head_VE = embedding_VE if config.tied_embeddings else builder.matrix("head.weight")
    logits_MV = untouched(builder.tokens, config.vocab)
    add_linear(builder.program, head_VE, normed_ME, logits_MV, scale=config.logits_scale, wanted=True)
    if config.logits_cap is not None:
        add_soft_cap(builder.program, logits_MV, config.logits_cap)
    return logits_MV


def _ordinals(config: DecoderConfig) -> dict[tuple[int, int], int]:
    """Which attention or recurrence the mixer at (layer, index in the layer) is: its place in the memory."""
    return {
        (number, index): ordinal
        for pool in (config.attentions(), config.recurrences())
        for ordinal, (number, index, _) in enumerate(pool)
    }


def _add_layer(
    builder: Builder,
    commits: Program,
    spec: LayerSpec,
    number: int,
    ordinals: Mapping[tuple[int, int], int],
    x_NE: Tensor,
) -> None:
    prefix = f"layers.{number}"
    normed_NE = builder.buffer("normed", x_NE.shape[1])
    parallel = spec.order == "parallel"
    if spec.mixers or parallel:
        inputs = _normed_inputs(builder, spec, prefix, x_NE)
        if parallel:
            builder.norm(f"{prefix}.norm", x_NE, normed_NE, spec.norm)
        for index, mixer in enumerate(spec.mixers):
            add = spec.residual * spec.mixer_scale(index)
            at, ordinal = f"{prefix}.mixers.{index}", ordinals[number, index]
            _add_mixer(builder, commits, mixer, at, ordinal, inputs[index], x_NE, add)
    if spec.feed_forward is None:
        return
    if not parallel:
        builder.norm(f"{prefix}.feed_forward_norm", x_NE, normed_NE, spec.norm)
    _add_feed_forward(builder, spec.feed_forward, f"{prefix}.feed_forward", normed_NE, x_NE, spec.residual)


def _normed_inputs(builder: Builder, spec: LayerSpec, prefix: str, x_NE: Tensor) -> list[Tensor]:
    """What each mixer reads: mixers of one input scale share it. All are taken before any is added to x."""
    made: dict[float, Tensor] = {}
    for index in range(len(spec.mixers)):
        scale = spec.mixer_input(index)
        if scale not in made:
            made[scale] = builder.buffer(f"normed.{len(made)}", x_NE.shape[1])
            builder.norm(f"{prefix}.norm", x_NE, made[scale], spec.norm, scale=scale)
    return [made[spec.mixer_input(index)] for index in range(len(spec.mixers))]


def _add_mixer(
    builder: Builder,
    commits: Program,
    spec: MixerSpec,
    prefix: str,
    ordinal: int,
    x_NE: Tensor,
    out_NE: Tensor,
    add: float,
) -> None:
    match spec:
        case AttentionSpec():
            add_attention_mixer(builder, spec, prefix, ordinal, x_NE, out_NE, add=add)
        case Mamba1Spec():
            add_mamba1_mixer(builder, commits, spec, prefix, ordinal, x_NE, out_NE, add=add)
        case Mamba2Spec():
            add_mamba2_mixer(builder, commits, spec, prefix, ordinal, x_NE, out_NE, add=add)


def _add_feed_forward(
    builder: Builder, spec: FeedForwardSpec, prefix: str, x_NE: Tensor, out_NE: Tensor, add: float
) -> None:
    match spec:
        case MlpSpec():
            add_mlp(builder, spec, prefix, x_NE, out_NE, add=add)
        case MoeSpec():
            add_moe(builder, spec, prefix, x_NE, out_NE, add=add)
        case LowRankMoeSpec():
            add_low_rank_moe(builder, spec, prefix, x_NE, out_NE, add=add)
