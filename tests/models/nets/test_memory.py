"""Pages and slots: what nobody has written to takes no memory yet, and starts as zeros on a cache line."""

import psutil
import torch

from secretariat.models.nets.config import LayerSpec
from secretariat.models.nets.memory import Memory, MemorySize
from tests.models.nets.tiny import ATTENTION, MAMBA2, NORM, config

_MIB = 1 << 20


def test_a_large_memory_is_not_resident_before_it_is_used():
    made = config(LayerSpec((ATTENTION,), None, NORM), LayerSpec((MAMBA2,), None, NORM))
    pages = 256 * _MIB // Memory.page_bytes(made, torch.float32)
    before = psutil.Process().memory_info().rss
    memory = Memory(made, MemorySize(pages=pages, slots=10))
    assert sum(tensor.nbytes for tensor in (*memory.keys, *memory.values)) > 200 * _MIB
    assert psutil.Process().memory_info().rss - before < 30 * _MIB
    assert not memory.keys[0][::997].any()


def test_every_array_begins_on_a_cache_line():
    made = config(LayerSpec((ATTENTION,), None, NORM), LayerSpec((MAMBA2,), None, NORM))
    for dtype in (torch.float32, torch.bfloat16):
        memory = Memory(made, MemorySize(pages=3, slots=2, kv_dtype=dtype))
        for tensor in (*memory.keys, *memory.values, *memory.conv, *memory.recurrent):
            assert tensor.data_ptr() % 64 == 0
            assert tensor.is_contiguous()
        assert memory.keys[0].dtype == dtype
