"""Lays out a Mamba-2 mixer as compiled operations. The torch form: mixers/mamba2.py.

Shape letters: N tokens, E model width, I inner channels, U numbers of B or of C (groups * states), H heads,
C channels of the convolution (x, B and C).
"""

import torch
from torch import Tensor

from secretariat.models.kernels.causal_conv.cpu import add_causal_conv
from secretariat.models.kernels.gated_norm.cpu import add_gated_norm
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.ssd.cpu import SsdBuffers, SsdWeights, add_scale, add_ssd
from secretariat.models.nets.config import Mamba2Spec
from secretariat.models.nets.native.builder import Builder


def add_mamba2_mixer(
    builder: Builder,
    commits: Program,
    spec: Mamba2Spec,
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
    program, memory = builder.program, builder.memory
    y_NI, xbc_NC = builder.buffer("mamba2.y", spec.inner), builder.buffer("mamba2.xbc", spec.conv_width)
    z_NI, raw_NC, dt_NH = _projected(builder, spec, prefix, x_NE)
    add_causal_conv(
        program, commits, raw_NC, xbc_NC, builder.vector(f"{prefix}.conv.weight"),
        builder.optional(f"{prefix}.conv.bias"), memory.conv[ordinal], held=memory.size.held,
    )  # fmt: skip
    shared = spec.groups * spec.state
    x_NI, b_NU, c_NU = torch.split(xbc_NC, [spec.inner, shared, shared], dim=1)
    weights = SsdWeights(*(builder.vector(f"{prefix}.{name}") for name in ("dt_bias", "A_log", "D")))
    add_ssd(
        program, commits, SsdBuffers(x_NI, b_NU, c_NU, dt_NH, y_NI), weights, memory.recurrent[ordinal],
        groups=spec.groups, dt_limit=spec.dt_limit, held=memory.size.held,
    )  # fmt: skip
    norm_I = None if spec.gate is None else builder.vector(f"{prefix}.norm.weight")
    add_gated_norm(program, y_NI, z_NI, y_NI, norm_I, gate=spec.gate, groups=spec.groups, eps=spec.norm_eps)
    builder.linear(f"{prefix}.out_proj", y_NI, out_NE, add=add)


def _projected(
    builder: Builder, spec: Mamba2Spec, prefix: str, x_NE: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """z [N, I], x, B and C side by side [N, C], dt [N, H]: columns of one buffer."""
    shared = spec.groups * spec.state
    projected = builder.buffer("mamba2.projected", spec.inner + spec.conv_width + spec.heads)
    builder.linear(f"{prefix}.in_proj", x_NE, projected)
    if any(by != 1.0 for by in spec.multipliers):
        widths = torch.tensor([spec.inner, spec.inner, shared, shared, spec.heads])
        add_scale(builder.program, projected, torch.tensor(spec.multipliers).repeat_interleave(widths))
    z_NI, raw_NC, dt_NH = torch.split(projected, [spec.inner, spec.conv_width, spec.heads], dim=1)
    return z_NI, raw_NC, dt_NH
