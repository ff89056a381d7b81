"""The operation in plain torch: dequantise, then multiply."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Q4_1, Q8_0 = 3, 8  # GGUF's numbers of the formats
BLOCK = 32
BLOCK_BYTES = {Q4_1: 20, Q8_0: 34}


@dataclass(frozen=True, slots=True)
class PackedRows:
    """A weight matrix [O, I] as blocks: `rows` uint8 [O, I / 32 * block bytes], contiguous."""

    form: int
    rows: Tensor

    def __post_init__(self) -> None:
        if self.form not in BLOCK_BYTES or self.rows.dtype != torch.uint8 or not self.rows.is_contiguous():
            raise ValueError("packed rows are contiguous uint8 in a format the kernel knows")

    @property
    def inputs(self) -> int:
        return self.rows.shape[1] // BLOCK_BYTES[self.form] * BLOCK

    @property
    def outputs(self) -> int:
        return self.rows.shape[0]


def dequantised(packed: PackedRows) -> Tensor:
    """The matrix [O, I] in float32."""
    blocks = packed.rows.view(-1, BLOCK_BYTES[packed.form])
    scale = blocks[:, :2].contiguous().view(torch.float16).float()
    if packed.form == Q8_0:
        weights = blocks[:, 2:].contiguous().view(torch.int8) * scale
    else:
        nibbles = torch.cat((blocks[:, 4:] & 15, blocks[:, 4:] >> 4), dim=1)
        weights = nibbles * scale + blocks[:, 2:4].contiguous().view(torch.float16).float()
    return weights.view(packed.outputs, packed.inputs)


def quantised_linear(x_MI: Tensor, packed: PackedRows) -> Tensor:
    """x Wᵀ, [M, O] float32."""
    return F.linear(x_MI, dequantised(packed))
