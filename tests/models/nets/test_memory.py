"""Pages and slots: what nobody has written to takes no memory yet, and starts as zeros on a cache line."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from secretariat.models.nets.config import LayerSpec
from secretariat.models.nets.memory import Memory, MemorySize
from tests.models.nets.tiny import ATTENTION, MAMBA2, NORM, config

_MIB = 1 << 20


def test_a_large_memory_is_not_resident_before_it_is_used():
    made = config(LayerSpec((ATTENTION,), None, NORM), LayerSpec((MAMBA2,), None, NORM))
    pages = 256 * _MIB // Memory.page_bytes(made, torch.float32)
    memory = Memory(made, MemorySize(pages=pages, slots=10))
    arrays = (*memory.keys, *memory.values)
    assert sum(tensor.nbytes for tensor in arrays) > 200 * _MIB
    assert _resident(arrays) < 30 * _MIB
    assert not memory.keys[0][::997].any()


def _resident(tensors: Sequence[torch.Tensor]) -> int:
    """Bytes of the tensors' mappings that lie in memory, whatever else the process is doing."""
    spans = [(tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes) for tensor in tensors]
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            start, end = (int(part, 16) for part in found.groups())
            inside = any(start < last and first < end for first, last in spans)
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def test_every_array_begins_on_a_cache_line():
    made = config(LayerSpec((ATTENTION,), None, NORM), LayerSpec((MAMBA2,), None, NORM))
    for dtype in (torch.float32, torch.bfloat16):
        memory = Memory(made, MemorySize(pages=3, slots=2, kv_dtype=dtype))
        for tensor in (*memory.keys, *memory.values, *memory.conv, *memory.recurrent):
            assert tensor.data_ptr() % 64 == 0
            assert tensor.is_contiguous()
        assert memory.keys[0].dtype == dtype
