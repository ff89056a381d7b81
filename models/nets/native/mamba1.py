"""Lays out a Mamba-1 mixer as compiled operations. The torch form: mixers/mamba1.py.

Shape letters: N tokens, E model width, I inner channels, R rank of dt, S numbers of state a channel.
"""

import torch
from torch import Tensor

from secretariat.models.kernels.causal_conv.cpu import add_causal_conv
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.selective_scan.cpu import ScanBuffers, add_scan_inputs, add_selective_scan
from secretariat.models.nets.config import Mamba1Spec
from secretariat.models.nets.native.builder import Builder


def add_mamba1_mixer(
    builder: Builder,
    commits: Program,
    spec: Mamba1Spec,
    prefix: str,
    ordinal: int,
    x_NE: Tensor,
    out_NE: Tensor,
    *,
    add: float | None,
) -> None:
    """out = mixer(x), or out += add · mixer(x). `prefix`: of its weights, without the last dot.

    `ordinal`: of the recurrence in the memory. `commits` gets the operations that advance its state by tokens of
    held runs. Of their step they read `runs`, `slots` and `starts` alone: the state of slots[r] moves by the first
    starts[r + 1] - starts[r] tokens of its last held run. A slot may take part in one run of a step; a held run
    has at most `memory.size.held` tokens.
    """
    inner, held = spec.inner, builder.memory.size.held
    xz_NI = builder.buffer("mamba1.projected", 2 * inner)
    x_NI, y_NI = builder.buffer("mamba1.x", inner), builder.buffer("mamba1.y", inner)
    builder.linear(f"{prefix}.in_proj", x_NE, xz_NI)
    add_causal_conv(
        builder.program, commits, xz_NI[:, :inner], x_NI, builder.vector(f"{prefix}.conv.weight"),
        builder.optional(f"{prefix}.conv.bias"), builder.memory.conv[ordinal], held=held,
    )  # fmt: skip
    dt_NI, b_NS, c_NS = _selected(builder, spec, prefix, x_NI)
    add_selective_scan(
        builder.program, commits, ScanBuffers(x_NI, dt_NI, b_NS, c_NS, xz_NI[:, inner:], y_NI),
        builder.vector(f"{prefix}.A_log"), builder.vector(f"{prefix}.D"), builder.memory.recurrent[ordinal],
        held=held,
    )  # fmt: skip
    builder.linear(f"{prefix}.out_proj", y_NI, out_NE, add=add)


def _selected(builder: Builder, spec: Mamba1Spec, prefix: str, x_NI: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dt [N, I] before softplus, B and C [N, S]."""
    rank, state = spec.dt_rank, spec.state
    projected = builder.buffer("mamba1.selected", rank + 2 * state)
    parts = builder.buffer("mamba1.normed", rank + 2 * state)
    dt_NR, b_NS, c_NS = torch.split(parts, [rank, state, state], dim=1)
    builder.linear(f"{prefix}.x_proj", x_NI, projected)
    if spec.norms is None:
        dt_NR, b_NS, c_NS = torch.split(projected, [rank, state, state], dim=1)
    else:
        weights = _norm_weights(builder, spec, prefix)
        add_scan_inputs(builder.program, projected, dt_NR, b_NS, c_NS, weights, eps=spec.norm_eps)
    dt_NI = builder.buffer("mamba1.dt", spec.inner)
    builder.linear(f"{prefix}.dt_proj", dt_NR, dt_NI)
    return dt_NI, b_NS, c_NS


def _norm_weights(builder: Builder, spec: Mamba1Spec, prefix: str) -> tuple[Tensor, Tensor, Tensor]:
    if spec.norms == "plain":
        return torch.ones(spec.dt_rank), torch.ones(spec.state), torch.ones(spec.state)
    dt, b, c = (builder.vector(f"{prefix}.{part}_norm.weight") for part in ("dt", "b", "c"))
    return dt, b, c
