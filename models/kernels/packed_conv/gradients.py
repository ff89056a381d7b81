"""The operation as torch's autograd knows it.

Shape letters as in `cpu.py`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from secretariat.models.kernels.packed_conv.cpu import PackedConv


def filtered(operation: PackedConv, x_NC: Tensor, weight_CK: Tensor, bias_C: Tensor | None) -> Tensor:
    """[N, C]; zeros, and no gradients, where no document is. `weight_CK`: oldest first. Raises BuildError."""
    bias_C = x_NC.new_zeros(x_NC.shape[1]) if bias_C is None else bias_C
    y_NC: Tensor = _Filtered.apply(operation, close(x_NC), weight_CK.T.contiguous(), bias_C)  # type: ignore[no-untyped-call]
    return y_NC


class _Filtered(Function):
    @staticmethod
    def forward(ctx: Any, operation: PackedConv, x_NC: Tensor, weight_KC: Tensor, bias_C: Tensor) -> Tensor:
        y_NC = room(x_NC.shape, operation.spans_S2)
        operation.forth(x_NC, weight_KC, bias_C, y_NC)
        ctx.save_for_backward(x_NC, weight_KC, bias_C)
        ctx.operation = operation
        return y_NC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y_NC: Tensor) -> tuple[None, Tensor, Tensor, Tensor]:
        met = ctx.saved_tensors
        d_x_NC = room(d_y_NC.shape, ctx.operation.spans_S2)
        d_weight_KC, d_bias_C = (torch.zeros_like(part) for part in met[1:])
        ctx.operation.back(met, close(d_y_NC), d_x_NC, d_weight_KC, d_bias_C)
        return None, d_x_NC, d_weight_KC, d_bias_C


def room(shape: torch.Size, spans_S2: Tensor) -> Tensor:
    """For what an operation fills; zeros where no document is."""
    made = torch.empty(shape)
    filled = 0
    for first, last in spans_S2.tolist():
        made[filled:first] = 0
        filled = last
    made[filled:] = 0
    return made


def close(part_NC: Tensor) -> Tensor:
    """As operations read rows: they may lie apart, their numbers may not."""
    return part_NC if part_NC.stride(1) == 1 else part_NC.contiguous()
