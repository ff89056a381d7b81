"""Lays out a mixture of low-rank changes as compiled operations. The torch form: feedforward/low_rank_moe.py.

Shape letters: N tokens, X experts, R rank, E model width, F hidden width.
"""

from torch import Tensor

from secretariat.models.kernels.glu.cpu import add_glu
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.kernels.lora.cpu import LoraTable, Low, add_chosen_lora
from secretariat.models.kernels.moe.cpu import add_route
from secretariat.models.nets.config import LowRankMoeSpec
from secretariat.models.nets.native.builder import Builder


def add_low_rank_moe(
    builder: Builder, spec: LowRankMoeSpec, prefix: str, x_NE: Tensor, out_NE: Tensor, *, add: float
) -> None:
    """out += add · moe(x). `prefix`: of its weights, without the last dot.

    Router and changes stay in float32: a rounded logit sends a token elsewhere, and changes are small numbers.
    """
    hidden, program = spec.mlp.hidden, builder.program
    logits_NX = builder.buffer("moe.logits", spec.router.experts)
    add_linear(program, pack(builder.weights[f"{prefix}.router.weight"], "float32"), x_NE, logits_NX)
    choice = add_route(program, logits_NX, None, spec.router)
    inner_NG = builder.buffer("mlp.inner", 2 * hidden)
    hidden_NF = builder.buffer("mlp.hidden", hidden)
    builder.linear(f"{prefix}.gate_up", x_NE, inner_NG)
    widening = _table(builder, spec, prefix, {"gate": 0, "up": hidden})
    add_chosen_lora(program, choice.chosen_NK, choice.weights_NK, x_NE, inner_NG, widening)
    add_glu(program, inner_NG, hidden_NF, spec.mlp.activation)
    builder.linear(f"{prefix}.down", hidden_NF, out_NE, add=add)
    narrowing = _table(builder, spec, prefix, {"down": 0})
    add_chosen_lora(program, choice.chosen_NK, choice.weights_NK, hidden_NF, out_NE, narrowing, add=add)


def _table(builder: Builder, spec: LowRankMoeSpec, prefix: str, firsts: dict[str, int]) -> LoraTable:
    """`firsts`: the first row, in a matrix, of each part that has changes."""
    table = LoraTable(spec.router.experts + 1, len(firsts), spec.rank)
    downs, ups = (
        {part: builder.vector(f"{prefix}.experts.{part}.{half}") for part in firsts}
        for half in ("downs", "ups")
    )
    for expert in range(spec.router.experts):
        lows = [Low(first, downs[part][expert], ups[part][expert].T) for part, first in firsts.items()]
        table.set(expert + 1, lows)
    return table
