"""Lays out an attention mixer as compiled operations. The torch form: mixers/attention.py.

Shape letters: N tokens, E model width, H heads, K key heads, D head width, P pairs that turn.
"""

import torch
from torch import Tensor

from secretariat.models.kernels.attention.cpu import add_attention
from secretariat.models.kernels.rotary.cpu import QkNorm, Turning, add_rotary, add_rotary_table
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, QkNormSpec
from secretariat.models.nets.native.builder import Builder
from secretariat.models.nets.rotary import inverse_frequencies


def add_rotary_tables(builder: Builder, config: DecoderConfig) -> None:
    """Before the first layer: the angles of a step's positions, once for each RopeSpec that a layer uses."""
    for _, _, spec in config.attentions():
        rope = spec.rope
        if rope is None or rope in builder.turnings:
            continue
        frequencies_P, factor = inverse_frequencies(rope, config.context_length)
        cosines_NP, sines_NP = (torch.zeros(builder.tokens, len(frequencies_P)) for _ in range(2))
        add_rotary_table(builder.program, frequencies_P, cosines_NP, sines_NP, factor=factor)
        builder.turnings[rope] = Turning(cosines_NP, sines_NP, interleaved=rope.pairs == "interleaved")


def add_attention_mixer(
    builder: Builder,
    spec: AttentionSpec,
    prefix: str,
    ordinal: int,
    x_NE: Tensor,
    out_NE: Tensor,
    *,
    add: float | None,
) -> None:
    """out = mixer(x), or out += add · mixer(x), after `add_rotary_tables`. `prefix`: of its weights, without the
    last dot. `ordinal`: of the attention in the memory."""
    heads_and_keys = spec.heads + 2 * spec.kv_heads
    qkv_NF = builder.buffer("attention.qkv", heads_and_keys * spec.head_dim)
    mixed_NF = builder.buffer("attention.mixed", spec.heads * spec.head_dim)
    keys, values = builder.memory.keys[ordinal], builder.memory.values[ordinal]
    builder.linear(f"{prefix}.qkv", x_NE, qkv_NF)
    with builder.program.on_rings(builder.memory.local[ordinal]):
        _add_attention(builder, spec, prefix, qkv_NF, mixed_NF, keys, values)
    builder.linear(f"{prefix}.out", mixed_NF, out_NE, add=add)


def _add_attention(
    builder: Builder,
    spec: AttentionSpec,
    prefix: str,
    qkv_NF: Tensor,
    mixed_NF: Tensor,
    keys: Tensor,
    values: Tensor,
) -> None:
    add_rotary(
        builder.program, qkv_NF, keys, values,
        turning=None if spec.rope is None else builder.turnings[spec.rope],
        qk_norm=None if spec.qk_norm is None else _qk_norm(builder, spec, spec.qk_norm, prefix),
        clip=spec.clip,
    )  # fmt: skip
    add_attention(
        builder.program, qkv_NF, mixed_NF, keys, values,
        scale=spec.head_dim**-0.5 if spec.scale is None else spec.scale,
        window=spec.window, sinks=spec.sinks, soft_cap=spec.soft_cap,
    )  # fmt: skip


def _qk_norm(builder: Builder, spec: AttentionSpec, norm: QkNormSpec, prefix: str) -> QkNorm:
    def weight(name: str, heads: int) -> Tensor:
        shapes = {"head": (spec.head_dim,), "heads": (heads, spec.head_dim), "all": (heads * spec.head_dim,)}
        one = 1.0 if norm.norm.one_plus else 0.0
        return (builder.vector(f"{prefix}.{name}.weight") + one).reshape(shapes[norm.over])

    return QkNorm(
        weight("q_norm", spec.heads), weight("k_norm", spec.kv_heads),
        eps=norm.norm.eps, mean=norm.norm.kind == "layer",
    )  # fmt: skip
