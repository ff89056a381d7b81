"""Frozen matrices in eight bits while adapters learn beside them, forth and back.

A product of float32 takes a processor three times as long. Rounded in groups of up to 96 numbers, rows and
gradients lose about 0.8 % of their length a product; what learns stays exact (arXiv:2304.13013 on rounding the
products by frozen weights). Owns the packed copies. Knows no recipe.

Shape letters: N rows, I inputs, O outputs.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.kernels.library import BuildError, Library, library
from secretariat.models.kernels.u8_linear.cpu import U8Product
from secretariat.models.kernels.u8_linear.packing import pack_u8
from secretariat.models.nets.decoder import Decoder

_GROUP = 32  # inputs of a product are a multiple of it


class EightBits:
    """The products of one set of weights. Networks that share weights share their packed copies."""

    def __init__(self, threads: int) -> None:
        """Raises BuildError without compiled operations."""
        found = library()
        if found is None:
            raise BuildError("there is neither a C++ compiler nor anything built")
        for operation in ("core", "u8_linear"):
            found.open(operation)
        self._library: Library = found
        self._threads = threads
        self._made: dict[int, tuple[Tensor, _Matrix]] = {}

    def into(self, decoder: Decoder) -> None:
        """Every matrix that nothing trains multiplies in eight bits from here on; routers stay as they are."""
        for linear in _frozen(decoder):
            linear.forward = self._matrix(linear.weight).times  # type: ignore[method-assign, assignment]

    def _matrix(self, weight_OI: Tensor) -> "_Matrix":
        key = weight_OI.data_ptr()
        if key not in self._made:
            self._made[key] = weight_OI, _Matrix(self._library, self._threads, weight_OI.detach())
        return self._made[key][1]


def _frozen(decoder: Decoder) -> Iterator[nn.Linear]:
    for module in decoder.modules():
        if isinstance(module, nn.Linear) and module.bias is None and not module.weight.requires_grad:
            assert module.weight.dtype == torch.float32
            if module.in_features % _GROUP == 0 and module.out_features >= _GROUP:
                yield module


class _Matrix:
    """One matrix and, for the way back, its transpose, filled up with zeros to whole groups."""

    def __init__(self, library: Library, threads: int, weight_OI: Tensor) -> None:
        self.behind = -len(weight_OI) % _GROUP
        back_IO = F.pad(weight_OI, (0, 0, 0, self.behind)).T.contiguous()
        self.forth, self.back = (
            U8Product(library, threads, pack_u8(part.numpy())) for part in (weight_OI, back_IO)
        )

    def times(self, x: Tensor) -> Tensor:
        """x Wᵀ of any leading dimensions."""
        y_NO: Tensor = _Times.apply(x.flatten(0, -2), self)  # type: ignore[no-untyped-call]
        return y_NO.view(*x.shape[:-1], -1)


class _Times(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NI: Tensor, matrix: _Matrix) -> Tensor:
        ctx.matrix = matrix
        return matrix.forth(x_NI.contiguous())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        matrix: _Matrix = ctx.matrix
        by_y_NO = F.pad(gradients[0], (0, matrix.behind)) if matrix.behind else gradients[0]
        return matrix.back(by_y_NO.contiguous()), None
