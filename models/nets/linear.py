"""A bias-free linear layer that can also multiply by its weights as they were packed in the file.

Knows nothing of which layer it is.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.kernels.quantised_linear.cpu import MAX_ROWS, Kernel
from secretariat.models.kernels.quantised_linear.reference import PackedRows


class Linear(nn.Linear):
    """Dense for many rows, packed for few: the same sums of the same weights, in another order."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self._kernel: Kernel | None = None
        self._packed: PackedRows | None = None

    def pack(self, packed: PackedRows, kernel: Kernel) -> None:
        """`packed` must hold the same matrix as `weight`."""
        if (packed.outputs, packed.inputs) != tuple(self.weight.shape):
            raise ValueError(f"packed {packed.outputs} x {packed.inputs}, dense {tuple(self.weight.shape)}")
        self._packed, self._kernel = packed, kernel

    def forward(self, x_MI: Tensor) -> Tensor:
        if self._kernel is not None and self._packed is not None and 0 < len(x_MI) <= MAX_ROWS:
            return self._kernel(x_MI, self._packed)
        return F.linear(x_MI, self.weight)
