"""The operation as torch's autograd knows it.

Shape letters as in `cpu.py`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from secretariat.models.kernels.packed_attention.cpu import PackedAttention


def attended(operation: PackedAttention, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor) -> Tensor:
    """[N, H, D]; zeros, and no gradients, where no document is. Raises BuildError."""
    out_NHD: Tensor = _Attended.apply(operation, *(_close(part) for part in (q_NHD, k_NKD, v_NKD)))  # type: ignore[no-untyped-call]
    return out_NHD


class _Attended(Function):
    @staticmethod
    def forward(ctx: Any, operation: PackedAttention, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor) -> Tensor:
        out_NHD = _room(operation, q_NHD)
        tops_NH2 = q_NHD.new_empty(*q_NHD.shape[:2], 2)
        operation.forth(q_NHD, k_NKD, v_NKD, out_NHD, tops_NH2)
        ctx.save_for_backward(q_NHD, k_NKD, v_NKD, out_NHD, tops_NH2)
        ctx.operation = operation
        return out_NHD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out_NHD: Tensor) -> tuple[None, Tensor, Tensor, Tensor]:
        operation, met = ctx.operation, ctx.saved_tensors
        dq_NHD, dk_NKD, dv_NKD = (_room(operation, part) for part in met[:3])
        operation.back(met, _close(d_out_NHD), dq_NHD, dk_NKD, dv_NKD)
        return None, dq_NHD, dk_NKD, dv_NKD


def _room(operation: PackedAttention, like_NHD: Tensor) -> Tensor:
    """Zeros where no document is; the operation fills the rest."""
    made_NHD = torch.empty(like_NHD.shape)
    filled = 0
    for first, last in operation.spans_S2.tolist():
        made_NHD[filled:first] = 0
        filled = last
    made_NHD[filled:] = 0
    return made_NHD


def _close(part_NHD: Tensor) -> Tensor:
    return part_NHD if part_NHD.stride(2) == 1 else part_NHD.contiguous()
