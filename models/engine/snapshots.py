"""Idle sequences' states: copies of a live slot at one exact token position, in a storage of their own.

Owns the number formats they rest in. Knows no tensors' meaning, no tenants and no prefixes.

"float32" restores the very bits. "bfloat16" halves and "int8" (one float32 scale for each innermost row) nearly
quarters the bytes; an answer that starts from such a state isn't the one that a miss would have given. Keys and
values of windowed attentions rest as they are, and only those that tokens to come see.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import torch
from torch import Tensor

from secretariat.models.nets.memory import Memory, move

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


@dataclass(frozen=True, slots=True)
class _Stored:
    """After `tokens` tokens. `exact`: with the very bits."""

    states: tuple[Packed, ...]
    window: list[Tensor]
    tokens: int
    exact: bool

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (*self.states, *self.window))


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
        self._stored: dict[int, _Stored] = {}
        self._holders: Counter[int] = Counter()
        self._numbers = count(1)
        self._spare: list[_Stored] = []
        self._window_bytes = memory.window_bytes
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    def size(self, *, exact: bool = False) -> int:
        """Bytes of one snapshot, in the pool's form or, `exact`, in float32."""
        form = "float32" if exact else self._form
        return self._window_bytes + sum(_size(part.shape, form) for part in self._memory.slot_arrays(0))

    def save(self, slot: int, tokens: int, *, exact: bool = False) -> int:
        """Copy a live state, which stands after so many tokens; the caller is its one holder. `exact`: in float32
        whatever the pool's form."""
        form = "float32" if exact else self._form
        live = self._memory.slot_arrays(slot)
        if form != "float32" or not self._spare:
            states = tuple(pack(array, form) for array in live)
            return self._add(_Stored(states, self._memory.window(slot, tokens), tokens, form == "float32"))
        spare = self._spare.pop()
        for packed, array in zip(spare.states, live, strict=True):
            assert isinstance(packed, Tensor)
            move(array, packed)
        window = self._memory.window(slot, tokens, spare.window)
        return self._add(_Stored(spare.states, window, tokens, exact=True))

    def add(self, arrays: Sequence[Tensor], tokens: int) -> int:
        """Take in what `arrays` gave elsewhere."""
        count = len(self._memory.slot_arrays(0))
        states = tuple(pack(array, "float32") for array in arrays[:count])
        return self._add(_Stored(states, [array.clone() for array in arrays[count:]], tokens, exact=True))

    def _add(self, stored: _Stored) -> int:
        number = next(self._numbers)
        self._stored[number] = stored
        self._holders[number] = 1
        self.bytes += stored.nbytes
        return number

    def bytes_of(self, number: int) -> int:
        return self._stored[number].nbytes

    def is_exact(self, number: int) -> bool:
        """Whether it has the very bits of the state it was taken of."""
        return self._stored[number].exact

    def load(self, number: int, slot: int) -> None:
        stored = self._stored[number]
        for array, packed in zip(self._memory.slot_arrays(slot), stored.states, strict=True):
            move(unpack(packed), array)
        self._memory.set_window(slot, stored.tokens, stored.window)

    def arrays(self, number: int) -> list[Tensor]:
        """States as float32, then keys and values of windows as they are."""
        stored = self._stored[number]
        return [*(unpack(packed) for packed in stored.states), *stored.window]

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


def _size(shape: torch.Size, form: Form) -> int:
    numbers = shape.numel()
    if form == "int8":
        return numbers + 4 * (numbers // shape[-1])
    return numbers * (4 if form == "float32" else 2)
