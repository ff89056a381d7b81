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

from secretariat.models.kernels.linear import bfloat16
from secretariat.models.kernels.linear.blocks import (
    GROUP,
    NIBBLE,
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
_GROUPS = {
    "q8": np.dtype([("codes", "<u4", (8, LANES)), ("scale", "<f2", LANES)]),
    "q4": np.dtype([("codes", "<u4", (4, LANES)), ("scale", "<f2", LANES), ("minimum", "<f2", LANES)]),
}  # of a panel; a word holds four inputs of one output
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

    q4 is exact for Q4_0 and Q4_1, q8 for Q8_0, float32 for all but Q4_K; bfloat16 is for BF16 but for weights far
    below the largest of their group. Inputs that aren't a multiple of 32 can't be in groups of q8 and q4: they
    become bfloat16. Raises ModelError
    checkpoint_invalid where bfloat16 would have to hold what isn't finite.
    """
    *stack, outputs, inputs = source.shape
    form = _possible(form or kept_form(source.form), inputs)
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


def kept_form(stored: str) -> Form:
    """What `pack` makes of GGUF's number format `stored` unless another is asked for."""
    return _KEPT[stored]


def packed_bytes(shape: tuple[int, ...], form: Form) -> int:
    """That `pack` takes for a source of this shape."""
    *stack, outputs, inputs = shape
    return prod(stack) * -(-outputs // LANES) * _stride(_possible(form, inputs), inputs)


def unpack(packed: Packed) -> Tensor:
    """The numbers that the operations multiply by, float32 [O, I], or [X, O, I] of several matrices."""
    panels = packed.panels.numpy()
    rows = _read_groups(packed, panels) if packed.form in _GROUPS else _read_floats(packed, panels)
    whole = rows.reshape(packed.matrices, -1, packed.inputs)[:, : packed.outputs]
    return torch.from_numpy(np.ascontiguousarray(whole[0] if packed.matrices == 1 else whole))


def _read_floats(packed: Packed, panels: Bytes) -> Floats:
    if packed.form == "float32":
        return _rows(_words(panels, packed.inputs).view(np.float32))
    return bfloat16.read(panels, packed.inputs)


def _read_groups(packed: Packed, panels: Bytes) -> Floats:
    groups_TG = _groups(panels, packed.form)
    codes = np.ascontiguousarray(groups_TG["codes"].transpose(0, 3, 1, 2)).view(np.uint8)
    codes_OGi = codes.reshape(len(panels) * LANES, packed.groups, -1)
    scale_OG = _rows(groups_TG["scale"])
    if packed.form == "q8":
        return Groups(codes_OGi, scale_OG, None).floats()
    nibbles_OGi = np.concatenate([codes_OGi & 15, codes_OGi >> NIBBLE], axis=-1)
    return Groups(nibbles_OGi, scale_OG, _rows(groups_TG["minimum"])).floats()


def _possible(form: Form, inputs: int) -> Form:
    return "bfloat16" if form in {"q8", "q4"} and inputs % GROUP else form


def _empty(rows: int, stride: int) -> Bytes:
    """Aligned to cache lines: a vector of weights never spans two."""
    room = np.empty(rows * stride + _ALIGNMENT, dtype=np.uint8)
    skip = -room.ctypes.data % _ALIGNMENT
    return room[skip : skip + rows * stride].reshape(rows, stride)


def _stride(form: Form, inputs: int) -> int:
    if form == "bfloat16":
        return bfloat16.stride(inputs)
    size = inputs // GROUP * _GROUPS[form].itemsize if form in _GROUPS else inputs * LANES * 4
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _padded(rows: Bytes) -> Bytes:
    """With rows of zero bytes up to a multiple of sixteen: zero weights in every format."""
    missing = -len(rows) % LANES
    return np.pad(rows, ((0, missing), (0, 0))) if missing else np.ascontiguousarray(rows)


def _write(form: Form, stored: str, rows: Bytes, panels: Bytes) -> None:
    if form in _GROUPS:
        _write_groups(form, _in_groups(form, stored, rows), panels)
    elif form == "bfloat16":
        bfloat16.write(_halves(stored, rows), panels)
    else:
        words = floats_of(stored, rows).view(np.uint32)
        _words(panels, words.shape[1])[...] = _columns(words)


def _in_groups(form: Form, stored: str, rows: Bytes) -> Groups:
    if _IN_GROUPS.get(stored) == form:
        return groups_of(stored, rows)
    weights = floats_of(stored, rows)
    return quantise_q8(weights) if form == "q8" else quantise_q4(weights)


def _write_groups(form: Form, groups: Groups, panels: Bytes) -> None:
    codes_OGi = groups.codes_OGi
    groups_TG = _groups(panels, form)
    if groups.minimum_OG is not None:
        codes_OGi = codes_OGi[..., :16] | codes_OGi[..., 16:] << NIBBLE
        groups_TG["minimum"] = _columns(groups.minimum_OG)
    groups_TG["scale"] = _columns(groups.scale_OG)
    words = np.ascontiguousarray(codes_OGi).view(np.uint32)
    groups_TG["codes"] = words.reshape(len(panels), LANES, *words.shape[1:]).transpose(0, 2, 3, 1)


def _halves(stored: str, rows: Bytes) -> npt.NDArray[np.uint16]:
    """[O, I] as the bits of bfloat16, rounded to nearest even."""
    if stored == "BF16":
        return rows.view("<u2")
    bits = np.ascontiguousarray(floats_of(stored, rows)).view(np.uint32)
    return ((bits + (0x7FFF + (bits >> 16 & 1))) >> 16).astype(np.uint16)


def _columns(rows: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """[O, C] to [T, C, 16]."""
    return rows.reshape(-1, LANES, rows.shape[1]).transpose(0, 2, 1)


def _rows(columns: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """[T, C, 16] to [O, C]."""
    return np.ascontiguousarray(columns.transpose(0, 2, 1)).reshape(-1, columns.shape[1])


def _words(panels: Bytes, columns: int) -> npt.NDArray[np.uint32]:
    """Panels of float32 as [T, C, 16] words."""
    return panels[:, : columns * LANES * 4].view(np.uint32).reshape(len(panels), columns, LANES, copy=False)


def _groups(panels: Bytes, form: Form) -> np.ndarray[tuple[int, int], np.dtype[np.void]]:
    """[T, G] records of codes, scale and minimum."""
    record = _GROUPS[form]
    return panels[:, : panels.shape[1] // record.itemsize * record.itemsize].view(record)
