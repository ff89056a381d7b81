"""Steps over sequences whose keys and values lie in scattered pages."""

import numpy as np
import torch
from torch import Tensor

from secretariat.models.kernels.library import Step

PAGE = 16


class Runs:
    """A step of (start, count, pages) runs; keeps the arrays that `step` points into."""

    def __init__(self, *runs: tuple[int, int, list[int]]) -> None:
        counts = [count for _, count, _ in runs]
        self.tokens = sum(counts)
        self._arrays = {
            "positions": np.concatenate([np.arange(start, start + count) for start, count, _ in runs]),
            "run_of": np.repeat(np.arange(len(runs)), counts),
            "starts": np.cumsum([0, *counts]),
            "begins": np.array([start for start, _, _ in runs]),
            "page_starts": np.cumsum([0, *(len(pages) for _, _, pages in runs)]),
            "pages": np.concatenate([np.array(pages) for _, _, pages in runs]),
        }
        self._arrays = {
            name: np.ascontiguousarray(array, dtype=np.int32) for name, array in self._arrays.items()
        }
        addresses = {name: array.ctypes.data for name, array in self._arrays.items()}
        self.step = Step(tokens=self.tokens, runs=len(runs), exact=1, **addresses)


def empty_pages(count: int, heads: int, dim: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Keys and values of which nothing was written yet."""
    keys = torch.full((count, heads, dim // 2, PAGE, 2), torch.nan, dtype=dtype)
    values = torch.full((count, heads, PAGE // 2, dim, 2), torch.nan, dtype=dtype)
    return keys, values


def write_pages(keys: Tensor, values: Tensor, pages: list[int], k_LKD: Tensor, v_LKD: Tensor) -> None:
    """Puts a sequence's L first tokens where they belong."""
    for position, (k_KD, v_KD) in enumerate(zip(k_LKD, v_LKD, strict=True)):
        page, slot = pages[position // PAGE], position % PAGE
        keys[page, :, :, slot, :] = k_KD.view(len(k_KD), -1, 2).to(keys.dtype)
        values[page, :, slot // 2, :, slot % 2] = v_KD.to(values.dtype)


def read_pages(keys: Tensor, values: Tensor, pages: list[int], length: int) -> tuple[Tensor, Tensor]:
    """[L, K, D] each: the first tokens of a sequence."""
    heads, dim = keys.shape[1], values.shape[3]
    k_LKD = keys[pages].permute(0, 3, 1, 2, 4).reshape(-1, heads, dim)
    v_LKD = values[pages].permute(0, 2, 4, 1, 3).reshape(-1, heads, dim)
    return k_LKD[:length], v_LKD[:length]
