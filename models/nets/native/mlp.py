"""Lays out a dense feed-forward as compiled operations. The torch form: feedforward/mlp.py.

Shape letters: N tokens, E model width, F hidden width, G that of what the activation reads: 2F where gated.
"""

from torch import Tensor

from secretariat.models.kernels.glu.cpu import add_glu
from secretariat.models.nets.config import MlpSpec
from secretariat.models.nets.native.builder import Builder


def add_mlp(
    builder: Builder, spec: MlpSpec, prefix: str, x_NE: Tensor, out_NE: Tensor, *, add: float
) -> None:
    """out += add · mlp(x). `prefix`: of its weights, without the last dot."""
    inner_NG = builder.buffer("mlp.inner", (2 if spec.gated else 1) * spec.hidden)
    hidden_NF = builder.buffer("mlp.hidden", spec.hidden)
    builder.linear(f"{prefix}.{'gate_up' if spec.gated else 'up'}", x_NE, inner_NG)
    add_glu(builder.program, inner_NG, hidden_NF, spec.activation)
    builder.linear(f"{prefix}.down", hidden_NF, out_NE, add=add)
