"""Physical storage of keys and values: one flat run of slots for each layer.

Knows nothing of who owns a slot: the engine hands slots out page by page.
"""

import torch

from secretariat.models.nets.config import DecoderConfig


class KVPool:
    """For each layer a key and a value tensor [slots, Hkv, D]; slot = page * page_size + offset."""

    def __init__(
        self,
        config: DecoderConfig,
        pages: int,
        page_size: int = 16,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.pages = pages
        self.page_size = page_size
        self.dtype = dtype
        shapes = [(pages * page_size, layer.mixer.kv_heads, layer.mixer.head_dim) for layer in config.layers]
        self.keys = [torch.zeros(shape, dtype=dtype) for shape in shapes]
        self.values = [torch.zeros(shape, dtype=dtype) for shape in shapes]

    @property
    def slots(self) -> int:
        return self.pages * self.page_size

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))

    @staticmethod
    def bytes_per_page(config: DecoderConfig, page_size: int = 16, dtype: torch.dtype = torch.float32) -> int:
        """Bytes that one page takes over all layers: what a memory budget is divided by."""
        per_token = sum(2 * layer.mixer.kv_heads * layer.mixer.head_dim for layer in config.layers)
        return per_token * page_size * dtype.itemsize
