"""Idle recurrent states: copies of a live slot at one exact token position, in a storage of their own.

Owns the number formats they rest in. Knows no tokens, no tenants and no positions.

"float32" restores the very bits. "bfloat16" halves and "int8" (one float32 scale for each innermost row) nearly
quarters the bytes; an answer that starts from such a state isn't the one that a miss would have given.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from secretariat.models.nets.memory import Memory

Form = Literal["float32", "bfloat16", "int8"]
_SPARES = 2  # states whose memory waits for the next snapshot: fresh pages cost more than the copy


@dataclass(frozen=True, slots=True)
class Int8Rows:
    """value = `rows` * `scales`, one scale for each innermost row."""

    rows: Tensor
    scales: Tensor

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes + self.scales.nbytes


Packed = Tensor | Int8Rows


def pack(values: Tensor, form: Form) -> Packed:
    """A copy of `values` (float32) at rest."""
    if form == "float32":
        return values.clone()
    if form == "bfloat16":
        return values.to(torch.bfloat16)
    scales = values.abs().amax(dim=-1, keepdim=True) / 127
    rows = torch.where(scales > 0, values / scales, 0).round().to(torch.int8)
    return Int8Rows(rows, scales)


def unpack(packed: Packed) -> Tensor:
    if isinstance(packed, Int8Rows):
        return packed.rows.float() * packed.scales
    return packed.float()


class SnapshotPool:
    """Snapshots by number, each with at least one holder; the last holder's release frees its bytes."""

    def __init__(self, memory: Memory, form: Form) -> None:
        self._memory = memory
        self._form: Form = form
        self._stored: dict[int, tuple[Packed, ...]] = {}
        self._holders: Counter[int] = Counter()
        self._numbers = count(1)
        self._spare: list[tuple[Packed, ...]] = []
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    def size(self, *, exact: bool = False) -> int:
        """Bytes of one snapshot, in the pool's form or, `exact`, in float32."""
        return sum(
            _size(array.shape, "float32" if exact else self._form) for array in self._memory.slot_arrays(0)
        )

    def save(self, slot: int, *, exact: bool = False) -> int:
        """Copy a live state; the caller is its one holder. `exact`: in float32 whatever the pool's form."""
        form = "float32" if exact else self._form
        live = self._memory.slot_arrays(slot)
        if form == "float32" and self._spare:
            stored = self._spare.pop()
            for packed, array in zip(stored, live, strict=True):
                assert isinstance(packed, Tensor)
                _copy(array, packed)
            return self._add(stored)
        return self._add([pack(array, form) for array in live])

    def add(self, arrays: Sequence[Tensor]) -> int:
        """Take in a state that comes from elsewhere, float32."""
        return self._add([pack(array, "float32") for array in arrays])

    def _add(self, stored: Sequence[Packed]) -> int:
        number = next(self._numbers)
        self._stored[number] = tuple(stored)
        self._holders[number] = 1
        self.bytes += self.bytes_of(number)
        return number

    def bytes_of(self, number: int) -> int:
        return sum(packed.nbytes for packed in self._stored[number])

    def is_exact(self, number: int) -> bool:
        """Whether it has the very bits of the state it was taken of."""
        return all(isinstance(p, Tensor) and p.dtype == torch.float32 for p in self._stored[number])

    def load(self, number: int, slot: int) -> None:
        for array, packed in zip(self._memory.slot_arrays(slot), self._stored[number], strict=True):
            _copy(unpack(packed), array)

    def arrays(self, number: int) -> list[Tensor]:
        return [unpack(packed) for packed in self._stored[number]]

    def holders(self, number: int) -> int:
        return self._holders[number]

    def share(self, number: int) -> None:
        assert self._holders[number] > 0, "shared a snapshot that is gone"
        self._holders[number] += 1

    def release(self, number: int) -> None:
        assert self._holders[number] > 0, "released a snapshot that is gone"
        self._holders[number] -= 1
        if self._holders[number] == 0:
            self.bytes -= self.bytes_of(number)
            if self.is_exact(number) and len(self._spare) < _SPARES:
                self._spare.append(self._stored[number])
            del self._stored[number], self._holders[number]

    def check_integrity(self, expected: Counter[int]) -> None:
        """Raises AssertionError unless the holders are exactly `expected`."""
        assert self._holders == expected, f"snapshots {self._holders - expected} leaked"
        assert self.bytes == sum(map(self.bytes_of, self._stored)), "bytes of snapshots are miscounted"


def _copy(source: Tensor, target: Tensor) -> None:
    """Without a parallel region on the CPU: on a busy machine waking a thread takes longer than the copy."""
    if source.device.type == target.device.type == "cpu":
        np.copyto(target.numpy(), source.numpy())
    else:
        target.copy_(source)


def _size(shape: torch.Size, form: Form) -> int:
    numbers = shape.numel()
    if form == "int8":
        return numbers + 4 * (numbers // shape[-1])
    return numbers * (4 if form == "float32" else 2)
