"""Physical storage of the past: pages of keys and values, and slots of what a sequence keeps whole.

A slot holds recurrent states and, of attentions with a window, the pages that it sees (`Ring`). Knows nothing of
who owns a page or a slot. Both backends use the same layouts, so a state moves between them.

Shape letters: P pages, S slots, K key heads, D head width, W convolution window less one, C its channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from secretariat.models.kernels.untouched import untouched
from secretariat.models.nets.batch import Ints
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.state import (
    PAGE_SIZE,
    kv_bytes_per_token,
    ring_bytes,
    ring_of,
    state_bytes,
    state_of,
    window_bytes,
)

RUN_TOKENS = 256  # the most of one run where nobody says otherwise


@dataclass(frozen=True, slots=True)
class MemorySize:
    """`slots` live states beside the null slot 0; `held` the most tokens of one held run, `run` of any run."""

    pages: int
    slots: int
    kv_dtype: torch.dtype = torch.float32
    held: int = 16
    run: int = RUN_TOKENS


class Memory:
    """`keys[a]` [P, K, D/2, 16, 2] and `values[a]` [P, K, 8, D, 2] for the a-th attention of the config: pairs of
    neighbours (of a head's numbers; of tokens) lie side by side, as two-element dot products want them.
    `conv[r]` [S, W, C] and `recurrent[r]` [S, …] float32 for the r-th recurrence. Untouched memory isn't resident.

    Where `local[a]`, the pages are those of the slots, `ring.pages` of each one after the other.
    """

    def __init__(self, config: DecoderConfig, size: MemorySize, device: str = "cpu") -> None:
        self.size = size
        self.device = device
        self.ring = ring_of(config, max(size.run, size.held))
        attentions = [spec for _, _, spec in config.attentions()]
        self.local = tuple(config.is_local(spec) for spec in attentions)
        slots, half = size.slots + 1, PAGE_SIZE // 2
        turning = 0 if self.ring is None else slots * self.ring.pages
        pages = [turning if local else size.pages for local in self.local]
        pools = list(zip(pages, attentions, strict=True))
        self.keys = [
            self._fresh(count, a.kv_heads, a.head_dim // 2, PAGE_SIZE, 2, dtype=size.kv_dtype)
            for count, a in pools
        ]
        self.values = [
            self._fresh(count, a.kv_heads, half, a.head_dim, 2, dtype=size.kv_dtype) for count, a in pools
        ]
        states = [state_of(spec) for _, _, spec in config.recurrences()]
        self.conv = [self._fresh(slots, *state.conv) for state in states]
        self.recurrent = [self._fresh(slots, *state.recurrent) for state in states]
        self._places = np.zeros(0, np.int32)

    def _fresh(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        if self.device != "cpu":
            return torch.zeros(shape, dtype=dtype, device=self.device)
        return untouched(*shape, dtype=dtype)

    @staticmethod
    def page_bytes(config: DecoderConfig, kv_dtype: torch.dtype) -> int:
        return kv_bytes_per_token(config, kv_dtype.itemsize) * PAGE_SIZE

    @staticmethod
    def slot_bytes(
        config: DecoderConfig, kv_dtype: torch.dtype = torch.float32, run: int = RUN_TOKENS
    ) -> int:
        """Of one live sequence, in runs of at most so many tokens."""
        return state_bytes(config) + ring_bytes(config, kv_dtype.itemsize, run)

    @staticmethod
    def snapshot_bytes(config: DecoderConfig, kv_dtype: torch.dtype = torch.float32) -> int:
        """Of an idle one."""
        return state_bytes(config) + window_bytes(config, kv_dtype.itemsize)

    def clear_slot(self, slot: int) -> None:
        for tensor in (*self.slot_arrays(slot), *self._ring_arrays(slot)):
            tensor.zero_()

    def copy_slot(self, source: int, target: int) -> None:
        pairs = zip(self.slot_arrays(source), self.slot_arrays(target), strict=True)
        rings = zip(self._ring_arrays(source), self._ring_arrays(target), strict=True)
        for old, new in chain(pairs, rings):
            new.copy_(old)

    def slot_arrays(self, slot: int) -> list[Tensor]:
        """Views of one sequence's state: conv and recurrent of each recurrence in turn."""
        return [part[slot] for pair in zip(self.conv, self.recurrent, strict=True) for part in pair]

    def _ring_arrays(self, slot: int) -> list[Tensor]:
        """Views of one sequence's ring: keys and values of each windowed attention in turn."""
        if self.ring is None:
            return []
        own = slice(slot * self.ring.pages, (slot + 1) * self.ring.pages)
        return [pool[own] for pool in self._pools(local=True)]

    def _pools(self, *, local: bool) -> list[Tensor]:
        pairs = zip(self.keys, self.values, strict=True)
        return [part for pair, own in zip(pairs, self.local, strict=True) if own == local for part in pair]

    def ring_pages(self, slot: int, count: int) -> Ints:
        """Where the first `count` pages of the sequence in `slot` lie in the pools of windowed attentions."""
        assert self.ring is not None
        if count > len(self._places):
            self._places = self.ring.places(np.arange(2 * count, dtype=np.int32))
        return self._places[:count] + np.int32(slot * self.ring.pages)

    @property
    def window_bytes(self) -> int:
        """Of such copies as `window` makes."""
        kept = 0 if self.ring is None else self.ring.kept
        return kept * sum(pool[0].nbytes for pool in self._pools(local=True))

    def window(self, slot: int, tokens: int, into: Sequence[Tensor] = ()) -> list[Tensor]:
        """Copies of what a sequence of so many tokens will still see of its ring: of each array `ring.kept` pages
        in order, zeros where there is nothing of its own. `into`: such copies to write over."""
        if self.ring is None:
            return []
        live = self._ring_arrays(slot)
        shapes = [(self.ring.kept, *array.shape[1:]) for array in live]  # all of it is written below
        copies = list(into) or [array.new_empty(shape) for array, shape in zip(live, shapes, strict=True)]
        for array, copy in zip(live, copies, strict=True):
            end = 0
            for place in self.ring.seen(tokens):
                begin, end = end, end + place.stop - place.start
                move(array[place], copy[begin:end])
            copy[end:].zero_()
        if tokens % PAGE_SIZE:
            for keys, values in zip(copies[::2], copies[1::2], strict=True):
                cut(keys[end - 1], values[end - 1], tokens % PAGE_SIZE)
        return copies

    def set_window(self, slot: int, tokens: int, copies: Sequence[Tensor]) -> None:
        """Back to where `window` took it from. The rest becomes zeros: what is hidden is still multiplied by 0."""
        if self.ring is None:
            return
        for array, copy in zip(self._ring_arrays(slot), copies, strict=True):
            array.zero_()
            end = 0
            for place in self.ring.seen(tokens):
                begin, end = end, end + place.stop - place.start
                move(copy[begin:end], array[place])

    def page_arrays(self, page: int) -> list[Tensor]:
        """Views of one page: keys and values of each attention without a ring in turn."""
        return [pool[page] for pool in self._pools(local=False)]

    def copy_page(self, source: int, target: int) -> None:
        for pool in self._pools(local=False):
            pool[target].copy_(pool[source])


def cut(keys: Tensor, values: Tensor, tokens: int) -> None:
    """Zeroes what one page holds behind its first `tokens`."""
    keys[:, :, tokens:] = 0
    values[:, (tokens + 1) // 2 :] = 0
    if tokens % 2:
        values[:, tokens // 2, :, 1] = 0


def move(source: Tensor, target: Tensor) -> None:
    """Without a parallel region on the CPU: on a busy machine waking a thread takes longer than the copy."""
    if source.device.type != "cpu" or target.device.type != "cpu":
        target.copy_(source)
    elif source.dtype == torch.bfloat16:  # which numpy doesn't know
        np.copyto(target.view(torch.int16).numpy(), source.view(torch.int16).numpy())
    else:
        np.copyto(target.numpy(), source.numpy())
