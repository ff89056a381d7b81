"""The number formats of GGUF tensors, and how each becomes float32.

Layouts follow the GGUF specification (ggml-org). Blocks of 32 weights share a float16 scale (and, for Q4_1, a
float16 minimum); of a nibble pair the low one is weight i, the high one weight i + 16. The K formats gather 256
weights in runs of 32 (Q4_K, with 6-bit scales and minima) or 16 (Q6_K, with 8-bit scales). Knows nothing of files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
_HALF_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Format:
    """`block_bytes` bytes hold `block_weights` weights. `decode` takes [blocks, block_bytes]."""

    name: str
    block_weights: int
    block_bytes: int
    decode: Callable[[Bytes], Floats]


def _halves(blocks: Bytes, at: int) -> Floats:
    """The float16 at byte `at` of each block, as a float32 column."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: Bytes) -> Floats:
    weights = np.empty((len(packed), 2 * _HALF_BLOCK), np.float32)
    weights[:, :_HALF_BLOCK] = packed & 15
    weights[:, _HALF_BLOCK:] = packed >> 4
    return weights


def _f32(blocks: Bytes) -> Floats:
    return blocks.view("<f4").astype(np.float32)


def _f16(blocks: Bytes) -> Floats:
    return blocks.view("<f2").astype(np.float32)


def _bf16(blocks: Bytes) -> Floats:
    return (blocks.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _q4_0(blocks: Bytes) -> Floats:
    weights = _nibbles(blocks[:, 2:])
    weights -= 8
    weights *= _halves(blocks, 0)
    return weights


def _q4_1(blocks: Bytes) -> Floats:
    weights = _nibbles(blocks[:, 4:])
    weights *= _halves(blocks, 0)
    weights += _halves(blocks, 2)
    return weights


def _q8_0(blocks: Bytes) -> Floats:
    weights = blocks[:, 2:].view(np.int8).astype(np.float32)
    weights *= _halves(blocks, 0)
    return weights


def _q4_k(blocks: Bytes) -> Floats:
    """Bytes: scale, minimum of scales, 12 of packed 6-bit scales and minima, 4 runs of 64 nibbles."""
    low, high, rest = (blocks[:, at : at + 4] for at in (4, 8, 12))
    scales = np.concatenate([low & 63, (rest & 15) | (low >> 6) << 4], axis=1) * _halves(blocks, 0)
    minima = np.concatenate([high & 63, (rest >> 4) | (high >> 6) << 4], axis=1) * _halves(blocks, 2)
    pairs = blocks[:, 16:].reshape(-1, 4, 1, 32)
    nibbles = np.concatenate([pairs & 15, pairs >> 4], axis=2).reshape(-1, 8, 32)
    weights: Floats = nibbles.astype(np.float32)
    weights *= scales[..., None]
    weights -= minima[..., None]
    return weights


def _q6_k(blocks: Bytes) -> Floats:
    """Bytes: 128 of low nibbles, 64 of upper bit pairs, 16 scales, the scale of scales. Halves of 128 weights:
    the low nibbles of 64 bytes come first, then their high ones; a byte of bit pairs serves four runs of 32."""
    low = blocks[:, :128].reshape(-1, 2, 1, 64)
    nibbles = np.concatenate([low & 15, low >> 4], axis=2).reshape(-1, 2, 4, 32)
    upper = blocks[:, 128:192].reshape(-1, 2, 1, 32)
    pairs = np.concatenate([upper >> shift & 3 for shift in (0, 2, 4, 6)], axis=2)
    weights: Floats = (nibbles | pairs << 4).astype(np.float32).reshape(-1, 16, 16)
    weights -= 32
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32) * _halves(blocks, 208)
    weights *= scales[..., None]
    return weights


FORMATS: Mapping[int, Format] = MappingProxyType(
    {
        0: Format("F32", 1, 4, _f32),
        1: Format("F16", 1, 2, _f16),
        2: Format("Q4_0", 32, 18, _q4_0),
        3: Format("Q4_1", 32, 20, _q4_1),
        8: Format("Q8_0", 32, 34, _q8_0),
        12: Format("Q4_K", 256, 144, _q4_k),
        14: Format("Q6_K", 256, 210, _q6_k),
        30: Format("BF16", 1, 2, _bf16),
    }
)


def dequantise(form: Format, raw: Bytes) -> Floats:
    """Flat float32 weights of `raw`, whose length must be a whole number of blocks."""
    return form.decode(raw.reshape(-1, form.block_bytes)).reshape(-1)
