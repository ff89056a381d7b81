"""Weights in groups of 32 that share a scale: read from GGUF's blocks, or made from floats.

Layouts follow the GGUF specification (ggml-org). Knows nothing of panels.

Shape letters: O rows of a matrix, I inputs, G groups of 32 inputs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]

GROUP = 32
NIBBLE = np.uint8(4)
_SHRINKS = (1.0, 0.95, 0.9, 0.85)  # of the range that codes span: outliers may cost less than coarse steps


@dataclass(frozen=True, slots=True)
class Groups:
    """codes * scale + minimum: 4-bit codes from 0 to 15. Without minima: (codes - 128) * scale, 8-bit codes."""

    codes_OGi: Bytes
    scale_OG: Halves
    minimum_OG: Halves | None

    def floats(self) -> Floats:
        """[O, I]"""
        values_OGi = self.codes_OGi.astype(np.float32)
        if self.minimum_OG is None:
            values_OGi -= 128
        values_OGi *= self.scale_OG[..., None].astype(np.float32)
        if self.minimum_OG is not None:
            values_OGi += self.minimum_OG[..., None].astype(np.float32)
        return values_OGi.reshape(len(values_OGi), -1)


def groups_of(form: str, raw: Bytes) -> Groups:
    """The weights of `raw` [O, bytes of a row]. Exact, but that Q4_K's products of scales round to float16."""
    match form:
        case "Q4_0":
            blocks = raw.reshape(len(raw), -1, 18)
            scale_OG = _halves(blocks[..., :2])
            return Groups(_nibbles(blocks[..., 2:]), scale_OG, scale_OG * np.float16(-8))
        case "Q4_1":
            blocks = raw.reshape(len(raw), -1, 20)
            return Groups(_nibbles(blocks[..., 4:]), _halves(blocks[..., :2]), _halves(blocks[..., 2:4]))
        case "Q8_0":
            blocks = raw.reshape(len(raw), -1, 34)
            return Groups(blocks[..., 2:] ^ np.uint8(128), _halves(blocks[..., :2]), None)
        case "Q4_K":
            return _q4_k(raw.reshape(len(raw), -1, 144))
    raise ValueError(f"{form} has no groups")


def floats_of(form: str, raw: Bytes) -> Floats:
    """[O, I] of `raw` [O, bytes of a row]."""
    match form:
        case "F32":
            return raw.view("<f4")
        case "F16":
            return raw.view("<f2").astype(np.float32)
        case "BF16":
            return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
        case "Q6_K":
            return _q6_k(raw.reshape(len(raw), -1, 210))
    return groups_of(form, raw).floats()


def quantise_q8(weights_OI: Floats) -> Groups:
    """Symmetric: the largest of a group becomes 127."""
    groups_OGi = weights_OI.reshape(len(weights_OI), -1, GROUP)
    scale_OG = (np.abs(groups_OGi).max(axis=-1) / 127).astype(np.float16)
    codes_OGi = _divided(groups_OGi, scale_OG)
    codes_OGi += 128
    return Groups(np.clip(codes_OGi, 1, 255).astype(np.uint8), scale_OG, None)


def quantise_q4(weights_OI: Floats) -> Groups:
    """Affine: of a few ranges around the group's middle, the one with the least squared error."""
    groups_OGi = weights_OI.reshape(len(weights_OI), -1, GROUP)
    low_OG, high_OG = groups_OGi.min(axis=-1), groups_OGi.max(axis=-1)
    best, least_OG = None, np.full(low_OG.shape, np.inf, np.float32)
    for shrink in _SHRINKS:
        margin_OG = (high_OG - low_OG) * np.float32((1 - shrink) / 2)
        tried = _affine(groups_OGi, low_OG + margin_OG, high_OG - margin_OG)
        error_OG = np.square(tried.floats().reshape(groups_OGi.shape) - groups_OGi).sum(axis=-1)
        better_OG = error_OG < least_OG
        least_OG = np.where(better_OG, error_OG, least_OG)
        best = tried if best is None else _chosen(better_OG, tried, best)
    assert best is not None
    return best


def _affine(groups_OGi: Floats, low_OG: Floats, high_OG: Floats) -> Groups:
    scale_OG, minimum_OG = ((high_OG - low_OG) / 15).astype(np.float16), low_OG.astype(np.float16)
    codes_OGi = _divided(groups_OGi - minimum_OG[..., None].astype(np.float32), scale_OG)
    return Groups(np.clip(codes_OGi, 0, 15).astype(np.uint8), scale_OG, minimum_OG)


def _divided(values_OGi: Floats, scale_OG: Halves) -> Floats:
    """Whole numbers of `scale`; 0 where it is 0."""
    wide_OG = scale_OG.astype(np.float32)
    inverse_OG = np.divide(1, wide_OG, out=np.zeros_like(wide_OG), where=wide_OG != 0)
    return np.rint(values_OGi * inverse_OG[..., None])


def _chosen(first_OG: npt.NDArray[np.bool_], first: Groups, second: Groups) -> Groups:
    assert first.minimum_OG is not None
    assert second.minimum_OG is not None
    return Groups(
        np.where(first_OG[..., None], first.codes_OGi, second.codes_OGi),
        np.where(first_OG, first.scale_OG, second.scale_OG),
        np.where(first_OG, first.minimum_OG, second.minimum_OG),
    )


def _halves(pairs: Bytes) -> Halves:
    return np.ascontiguousarray(pairs).view("<f2")[..., 0]


def _nibbles(packed: Bytes) -> Bytes:
    """Weight i lies in the low half of byte i, weight i + 16 in the high half."""
    return np.concatenate([packed & 15, packed >> NIBBLE], axis=-1)


def _q4_k(blocks: Bytes) -> Groups:
    """256 weights: float16 scale of scales and of minima, eight of each in 6 bits, then the nibbles."""
    rows = len(blocks)
    packed = blocks[..., 4:16]
    low, high, rest = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    scales = np.concatenate([low & 63, rest & 15 | low >> 6 << 4], axis=-1)
    minima = np.concatenate([high & 63, rest >> 4 | high >> 6 << 4], axis=-1)
    scale_OG = _halves(blocks[..., :2])[..., None].astype(np.float32) * scales
    minimum_OG = _halves(blocks[..., 2:4])[..., None].astype(np.float32) * minima
    pairs = blocks[..., 16:].reshape(rows, -1, 4, 1, GROUP)
    codes = np.concatenate([pairs & 15, pairs >> NIBBLE], axis=-2)  # groups 2c and 2c + 1 share their bytes
    return Groups(
        codes.reshape(rows, -1, GROUP),
        scale_OG.reshape(rows, -1).astype(np.float16),
        -minimum_OG.reshape(rows, -1).astype(np.float16),
    )


def _q6_k(blocks: Bytes) -> Floats:
    """256 weights of 6 bits: four low ones in nibbles, two high ones, then int8 scales of 16 and one of all."""
    rows = len(blocks)
    nibbles = blocks[..., :128].reshape(rows, -1, 2, 1, 2, GROUP)
    pairs = blocks[..., 128:192].reshape(rows, -1, 2, 1, GROUP)
    low = np.concatenate([nibbles & 15, nibbles >> NIBBLE], axis=3).reshape(rows, -1, 2, 4, GROUP)
    high = pairs >> np.array([0, 2, 4, 6], dtype=np.uint8)[:, None] & 3
    codes = (low | high << NIBBLE).astype(np.float32) - 32
    scales = blocks[..., 192:208].view(np.int8) * _halves(blocks[..., 208:])[..., None].astype(np.float32)
    weights: Floats = (codes.reshape(rows, -1, 16, 16) * scales[..., None]).reshape(rows, -1)
    return weights
