"""Lays out a mixture of experts as compiled operations. The torch form: feedforward/moe.py.

Shape letters: N tokens, X experts, K chosen, E model width, F width of an expert.
"""

from torch import Tensor

from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.kernels.moe.cpu import add_experts, add_route, add_shared_activation
from secretariat.models.nets.config import MoeSpec
from secretariat.models.nets.native.builder import Builder


def add_moe(
    builder: Builder, spec: MoeSpec, prefix: str, x_NE: Tensor, out_NE: Tensor, *, add: float
) -> None:
    """out += add · moe(x). `prefix`: of its weights, without the last dot.

    The router stays in float32: a rounded logit sends a token elsewhere.
    """
    rows, width = builder.tokens * spec.router.top, x_NE.shape[1]
    logits_NX = builder.buffer("moe.logits", spec.router.experts)
    add_linear(builder.program, pack(builder.weights[f"{prefix}.router.weight"], "float32"), x_NE, logits_NX)
    choice = add_route(
        builder.program, logits_NX, builder.optional(f"{prefix}.router.select_bias"), spec.router
    )
    add_experts(
        builder.program, choice,
        builder.matrix(f"{prefix}.experts.gate_up.weight"),
        builder.matrix(f"{prefix}.experts.down.weight"),
        x_NE, out_NE,
        builder.buffer("moe.hidden", spec.router.top * 2 * spec.hidden).view(rows, 2 * spec.hidden),
        builder.buffer("moe.outputs", spec.router.top * width).view(rows, width),
        activation=spec.activation, add=add,
    )  # fmt: skip
    if spec.shared_hidden is not None:
        _add_shared(builder, spec, spec.shared_hidden, prefix, x_NE, out_NE, add)


def _add_shared(
    builder: Builder, spec: MoeSpec, hidden: int, prefix: str, x_NE: Tensor, out_NE: Tensor, add: float
) -> None:
    gate_up_NG = builder.buffer("moe.shared", 2 * hidden)
    builder.linear(f"{prefix}.shared.gate_up", x_NE, gate_up_NG)
    gate_N1 = None
    if spec.shared_gated:
        gate_N1 = builder.buffer("moe.shared_gate", 1)
        builder.linear(f"{prefix}.shared_gate", x_NE, gate_N1)
    hidden_NF = add_shared_activation(builder.program, gate_up_NG, gate_N1, activation=spec.activation)
    builder.linear(f"{prefix}.shared.down", hidden_NF, out_NE, add=add)
