"""The operation as torch's autograd knows it.

Shape letters as in `cpu.py`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from secretariat.models.kernels.packed_conv.gradients import close, room
from secretariat.models.kernels.packed_ssd.cpu import PackedSsd


def scanned(operation: PackedSsd, xbc_NU: Tensor, dt_NH: Tensor, rate_H: Tensor, skip_H: Tensor) -> Tensor:
    """[N, I] of h = exp(dt A) h + dt x B, y = h C + D x; zeros, and no gradients, where no document is.

    `rate_H` is A, `skip_H` D. Raises BuildError.
    """
    y_NI: Tensor = _Scanned.apply(operation, close(xbc_NU), close(dt_NH), rate_H, skip_H)  # type: ignore[no-untyped-call]
    return y_NI


class _Scanned(Function):
    @staticmethod
    def forward(
        ctx: Any, operation: PackedSsd, xbc_NU: Tensor, dt_NH: Tensor, rate_H: Tensor, skip_H: Tensor
    ) -> Tensor:
        inner = xbc_NU.shape[1] - 2 * operation.groups * operation.size
        y_NI = room(torch.Size((len(xbc_NU), inner)), operation.spans_S2)
        operation.forth(xbc_NU, dt_NH, rate_H, skip_H, y_NI)
        ctx.save_for_backward(xbc_NU, dt_NH, rate_H, skip_H)
        ctx.operation = operation
        return y_NI

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y_NI: Tensor) -> tuple[None, Tensor, Tensor, Tensor, Tensor]:
        operation, met = ctx.operation, ctx.saved_tensors
        d_xbc_NU, d_dt_NH = (room(part.shape, operation.spans_S2) for part in met[:2])
        d_rates_SH2 = torch.empty(len(operation.spans_S2), *met[2].shape, 2)
        operation.back(met, close(d_y_NI), d_xbc_NU, d_dt_NH, d_rates_SH2)
        d_rate_H, d_skip_H = d_rates_SH2.sum(dim=0).unbind(dim=-1)
        return None, d_xbc_NU, d_dt_NH, d_rate_H, d_skip_H
