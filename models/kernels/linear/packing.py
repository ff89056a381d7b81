"""Weight matrices in panels of sixteen outputs, as the compiled operations read them.

Packs a few hundred rows at a time, so no dense copy of a matrix is ever held. Layouts: README.md. Knows no
checkpoint and no network.

Shape letters: X matrices, O outputs, I inputs, T panels of a matrix, G groups of 32 inputs.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from secretariat.models.kernels.linear.blocks import (
    GROUP,
    Bytes,
    Floats,
    Groups,
    floats_of,
    groups_of,
    quantise_q4,
    quantise_q8,
)

Form = Literal["float32", "bfloat16", "q8", "q4"]
Number = TypeVar("Number", np.float32, np.float16, np.uint32)
LANES = 16
_KEPT: dict[str, Form] = {
    "F32": "float32", "F16": "bfloat16", "BF16": "bfloat16", "Q4_0": "q4", "Q4_1": "q4", "Q4_K": "q4",
    "Q8_0": "q8", "Q6_K": "q8",
}  # fmt: skip
_IN_GROUPS: dict[str, Form] = {"Q4_0": "q4", "Q4_1": "q4", "Q4_K": "q4", "Q8_0": "q8"}
_CHUNK_WEIGHTS = 1 << 22
_ALIGNMENT = 64


class Source(Protocol):
    """One tensor of a checkpoint. `form` is GGUF's name of its number format."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def form(self) -> str: ...

    def raw(self) -> Bytes:
        """The stored bytes, [rows, bytes of a row], rows being all but the last dimension."""
        ...


@dataclass(frozen=True, slots=True)
class Packed:
    """`matrices` equal matrices [outputs, inputs], one after the other: `panels` uint8 [X * T, stride]."""

    form: Form
    outputs: int
    inputs: int
    matrices: int
    panels: Tensor

    @property
    def count(self) -> int:
        """Panels of one matrix."""
        return -(-self.outputs // LANES)

    @property
    def groups(self) -> int:
        return -(-self.inputs // GROUP)

    @property
    def nbytes(self) -> int:
        return self.panels.nbytes


def pack(source: Source, form: Form | None = None) -> Packed:
    """The matrix [O, I] or matrices [X, O, I] of `source`; `form` None keeps it close to how it is stored.

    q4 is exact for Q4_0 and Q4_1, q8 for Q8_0, bfloat16 for BF16, float32 for all. Inputs that aren't a multiple of
    32 can't be in groups: instead of q8 and q4 they become bfloat16.
    """
    *stack, outputs, inputs = source.shape
    form = form or _KEPT[source.form]
    if form in {"q8", "q4"} and inputs % GROUP:
        form = "bfloat16"
    matrices, count = prod(stack), -(-outputs // LANES)
    panels = _empty(matrices * count, _stride(form, inputs))
    raw = source.raw().reshape(matrices, outputs, -1)
    at_once = max(1, _CHUNK_WEIGHTS // (inputs * LANES)) * LANES
    for matrix in range(matrices):
        for first in range(0, outputs, at_once):
            rows = _padded(raw[matrix, first : first + at_once])
            start = matrix * count + first // LANES
            _write(form, source.form, rows, panels[start : start + len(rows) // LANES])
    return Packed(form, outputs, inputs, matrices, torch.from_numpy(panels))


def unpack(packed: Packed) -> Tensor:
    """The numbers that the operations multiply by, float32 [O, I], or [X, O, I] of several matrices."""
    panels = packed.panels.numpy()
    rows = _read_floats(packed, panels) if packed.form in {"float32", "bfloat16"} else _read_groups(packed, panels)
    whole = rows.reshape(packed.matrices, -1, packed.inputs)[:, : packed.outputs]
    return torch.from_numpy(np.ascontiguousarray(whole[0] if packed.matrices == 1 else whole))


def _read_floats(packed: Packed, panels: Bytes) -> Floats:
    if packed.form == "float32":
        return _rows(_get(panels, 0, (packed.inputs,), np.float32))
    pairs = _rows(_get(panels, 0, (-(-packed.inputs // 2),), np.uint32))
    bits = np.stack([pairs << 16, pairs & 0xFFFF0000], axis=-1)
    return bits.reshape(len(pairs), -1).view(np.float32)[:, : packed.inputs]


def _read_groups(packed: Packed, panels: Bytes) -> Floats:
    groups, nibbles = packed.groups, packed.form == "q4"
    fours = _get(panels, 0, (groups, 4 if nibbles else 8), np.uint32)
    codes = np.ascontiguousarray(fours.transpose(0, 3, 1, 2)).view(np.uint8)
    codes = codes.reshape(len(panels) * LANES, groups, -1)
    scale = _get(panels, at := fours.nbytes // len(panels), (groups,), np.float16)
    if not nibbles:
        return Groups(codes, _rows(scale), None).floats()
    minimum = _get(panels, at + groups * LANES * 2, (groups,), np.float16)
    return Groups(np.concatenate([codes & 15, codes >> 4], axis=-1), _rows(scale), _rows(minimum)).floats()


def _empty(rows: int, stride: int) -> Bytes:
    """Aligned to cache lines: a vector of weights never spans two."""
    room = np.empty(rows * stride + _ALIGNMENT, dtype=np.uint8)
    skip = -room.ctypes.data % _ALIGNMENT
    return room[skip : skip + rows * stride].reshape(rows, stride)


def _stride(form: Form, inputs: int) -> int:
    groups = -(-inputs // GROUP)
    sizes = {
        "float32": inputs * LANES * 4,
        "bfloat16": -(-inputs // 2) * LANES * 4,
        "q8": groups * LANES * (GROUP + 2),
        "q4": groups * LANES * (GROUP // 2 + 4),
    }
    return -(-sizes[form] // _ALIGNMENT) * _ALIGNMENT


def _padded(rows: Bytes) -> Bytes:
    """With rows of zero bytes up to a multiple of sixteen: zero weights in every format."""
    missing = -len(rows) % LANES
    return np.pad(rows, ((0, missing), (0, 0))) if missing else np.ascontiguousarray(rows)


def _write(form: Form, stored: str, rows: Bytes, panels: Bytes) -> None:
    if form == "float32":
        _put(panels, 0, _columns(floats_of(stored, rows)))
    elif form == "bfloat16":
        _put(panels, 0, _columns(_pairs(stored, rows)))
    else:
        _write_groups(_in_groups(form, stored, rows), panels)


def _in_groups(form: Form, stored: str, rows: Bytes) -> Groups:
    if _IN_GROUPS.get(stored) == form:
        return groups_of(stored, rows)
    weights = floats_of(stored, rows)
    return quantise_q8(weights) if form == "q8" else quantise_q4(weights)


def _write_groups(groups: Groups, panels: Bytes) -> None:
    codes = groups.codes_OGi
    if groups.minimum_OG is not None:
        codes = codes[..., :16] | codes[..., 16:] << 4
    fours = np.ascontiguousarray(codes).view(np.uint32)
    fours = fours.reshape(len(panels), LANES, -1, fours.shape[-1]).transpose(0, 2, 3, 1)
    at = _put(panels, 0, fours)
    at = _put(panels, at, _columns(groups.scale_OG))
    if groups.minimum_OG is not None:
        _put(panels, at, _columns(groups.minimum_OG))


def _pairs(stored: str, rows: Bytes) -> npt.NDArray[np.uint32]:
    """[O, I / 2] neighbours side by side as bfloat16, rounded to nearest even."""
    if stored == "BF16":
        halves = rows.view("<u2")
    else:
        bits = np.ascontiguousarray(floats_of(stored, rows)).view(np.uint32)
        halves = ((bits + (0x7FFF + (bits >> 16 & 1))) >> 16).astype(np.uint16)
    if halves.shape[1] % 2:
        halves = np.pad(halves, ((0, 0), (0, 1)))
    return np.ascontiguousarray(halves).view(np.uint32)


def _columns(rows: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """[O, C] to [T, C, 16]."""
    return rows.reshape(-1, LANES, rows.shape[1]).transpose(0, 2, 1)


def _rows(columns: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """[T, C, 16] to [O, C]."""
    return np.ascontiguousarray(columns.transpose(0, 2, 1)).reshape(-1, columns.shape[1])


def _put(panels: Bytes, at: int, part: npt.NDArray[Number]) -> int:
    """Copies `part` [T, …] into the panels' bytes from `at` on; returns where it ends."""
    size = prod(part.shape[1:]) * part.itemsize
    panels[:, at : at + size].view(part.dtype).reshape(part.shape, copy=False)[...] = part
    return at + size


def _get(panels: Bytes, at: int, shape: tuple[int, ...], dtype: type[Number]) -> npt.NDArray[Number]:
    """[T, *shape, 16] from byte `at` of each panel on."""
    size = prod(shape) * LANES * np.dtype(dtype).itemsize
    return panels[:, at : at + size].view(dtype).reshape(len(panels), *shape, LANES)
