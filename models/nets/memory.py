"""Physical storage of the past: pages of keys and values, slots of recurrent states.

Knows nothing of who owns a page or a slot. Both backends use the same layouts, so a state moves between them.

Shape letters: P pages, S slots, K key heads, D head width, W convolution window less one, C its channels.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.state import PAGE_SIZE, kv_bytes_per_token, state_bytes, state_of

_ALIGNMENT = 64  # a cache line


def untouched(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Zeros. numpy asks the system for them, so memory appears when written; torch writes them at once."""
    room = np.zeros(prod(shape) * dtype.itemsize + _ALIGNMENT, np.uint8)
    skip = -room.ctypes.data % _ALIGNMENT
    return torch.from_numpy(room)[skip : skip + len(room) - _ALIGNMENT].view(dtype).view(shape)


@dataclass(frozen=True, slots=True)
class MemorySize:
    """`slots` live states beside the null slot 0; `held` the most tokens of one held run."""

    pages: int
    slots: int
    kv_dtype: torch.dtype = torch.float32
    held: int = 16


class Memory:
    """`keys[a]` [P, K, D/2, 16, 2] and `values[a]` [P, K, 8, D, 2] for the a-th attention of the config: pairs of
    neighbours (of a head's numbers; of tokens) lie side by side, as two-element dot products want them.
    `conv[r]` [S, W, C] and `recurrent[r]` [S, …] float32 for the r-th recurrence. Untouched memory isn't resident.
    """

    def __init__(self, config: DecoderConfig, size: MemorySize, device: str = "cpu") -> None:
        self.size = size
        self.device = device
        attentions = [spec for _, _, spec in config.attentions()]
        half = PAGE_SIZE // 2
        self.keys = [
            self._fresh(size.pages, a.kv_heads, a.head_dim // 2, PAGE_SIZE, 2, dtype=size.kv_dtype)
            for a in attentions
        ]
        self.values = [
            self._fresh(size.pages, a.kv_heads, half, a.head_dim, 2, dtype=size.kv_dtype) for a in attentions
        ]
        states = [state_of(spec) for _, _, spec in config.recurrences()]
        slots = size.slots + 1
        self.conv = [self._fresh(slots, *state.conv) for state in states]
        self.recurrent = [self._fresh(slots, *state.recurrent) for state in states]

    def _fresh(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        if self.device != "cpu":
            return torch.zeros(shape, dtype=dtype, device=self.device)
        return untouched(*shape, dtype=dtype)

    @staticmethod
    def page_bytes(config: DecoderConfig, kv_dtype: torch.dtype) -> int:
        return kv_bytes_per_token(config, kv_dtype.itemsize) * PAGE_SIZE

    @staticmethod
    def slot_bytes(config: DecoderConfig) -> int:
        return state_bytes(config)

    def clear_slot(self, slot: int) -> None:
        for tensor in (*self.conv, *self.recurrent):
            tensor[slot].zero_()

    def copy_slot(self, source: int, target: int) -> None:
        for tensor in (*self.conv, *self.recurrent):
            tensor[target].copy_(tensor[source])

    def slot_arrays(self, slot: int) -> list[Tensor]:
        """Views of one sequence's state: conv and recurrent of each recurrence in turn."""
        return [part[slot] for pair in zip(self.conv, self.recurrent, strict=True) for part in pair]

    def page_arrays(self, page: int) -> list[Tensor]:
        """Views of one page: keys and values of each attention in turn."""
        return [part[page] for pair in zip(self.keys, self.values, strict=True) for part in pair]

    def copy_page(self, source: int, target: int) -> None:
        for tensor in (*self.keys, *self.values):
            tensor[target].copy_(tensor[source])
