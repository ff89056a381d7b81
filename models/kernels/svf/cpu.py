"""The compiled operation's arguments, checked here because it reads raw pointers.

Letters: N tokens, I inputs, O outputs, R directions, A adapters, X numbers of a row of the table.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer, rows_pointer
from secretariat.models.kernels.linear.cpu import MatrixArgs, laid_bytes, matrix_args
from secretariat.models.kernels.linear.packing import LANES, Packed

_TILE = 2 * LANES
_LINE = 64


@dataclass(frozen=True, slots=True)
class Part:
    """Columns `first` … `first + count` of a product. A row of the table holds its factor at `offset` and its
    gains behind it, one for each direction. `up` is U [count, R] below `first % LANES` rows of zeros, so that
    its panels are the product's."""

    offset: int
    first: int
    count: int
    up: Packed

    @property
    def rank(self) -> int:
        return self.up.inputs


class _Part(ctypes.Structure):
    _fields_ = [
        ("up", MatrixArgs),
        ("offset", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("panel", "first", "count", "rank", "from_", "unused")),
    ]


class SvfArgs(ctypes.Structure):
    _fields_ = [
        *((name, MatrixArgs) for name in ("w", "down")),
        *(
            (name, ctypes.c_void_p)
            for name in ("x", "y", "bias", "table", "parts", "t", "laid", "laid_down", "own")
        ),
        *((name, ctypes.c_int64) for name in ("stride", "x_width", "y_width", "tile_bytes", "own_bytes")),
        ("factor", ctypes.c_float),
        *((name, ctypes.c_int32) for name in ("add", "count", "unused")),
    ]


def add_svf(
    program: Program,
    weight: Packed,
    down: Packed,
    parts: Sequence[Part],
    table_AX: Tensor,
    x_NI: Tensor,
    y_NO: Tensor,
    *,
    bias: Tensor | None = None,
    add: float | None = None,
    scale: float = 1.0,
) -> None:
    """y = scale · product, or y += add · product, of x Wᵀ + bias, where each part's columns of it are
    factor · product + U (gains ∘ (V x)) by the numbers of the token's row of the table.

    `down` is V of all parts [R, I], one after the other. Row 0 of the table, the base model's, must hold 1 and
    zeros. Without an adapter in the step it is the plain product. `x` and `y` must not overlap.
    """
    rows, inputs = x_NI.shape
    assert weight.matrices == down.matrices == 1
    assert inputs == weight.inputs == down.inputs
    assert y_NO.shape == (rows, weight.outputs)
    assert bias is None or bias.shape == (weight.outputs,)
    assert down.outputs == sum(part.rank for part in parts)
    for part in parts:
        assert part.up.outputs == part.first % LANES + part.count
        assert part.first + part.count <= weight.outputs
        assert part.offset + 1 + part.rank <= table_AX.shape[1]
    t_NR = torch.zeros(rows, down.outputs)
    sizes = [laid_bytes(weight, rows), 0 if down.form == weight.form else laid_bytes(down, rows)]
    tile = rows * _TILE * 4
    own = _lines(tile + sum(laid_bytes(part.up, rows) for part in parts))
    scratch = program.scratch(sum(map(_lines, sizes)) + own * program.threads)
    laid = pointer(scratch)
    laid_down = laid if down.form == weight.form else laid + _lines(sizes[0])
    records = _records(parts)
    args = SvfArgs(
        matrix_args(weight), matrix_args(down), rows_pointer(x_NI), rows_pointer(y_NO),
        None if bias is None else pointer(bias), pointer(table_AX), ctypes.addressof(records), pointer(t_NR),
        laid, laid_down, laid + sum(map(_lines, sizes)),
        table_AX.shape[1], x_NI.stride(0), y_NO.stride(0), tile, own,
        scale if add is None else add, add is not None, len(parts), 0,
    )  # fmt: skip
    keep = (weight, down, parts, records, table_AX, x_NI, y_NO, bias, t_NR, scratch)
    program.add("svf", args, keep=keep)


def _records(parts: Sequence[Part]) -> "ctypes.Array[_Part]":
    records = (_Part * len(parts))()
    start = 0
    for at, part in enumerate(parts):
        place = (part.offset, part.first // LANES, part.first, part.count, part.rank, start, 0)
        records[at] = _Part(matrix_args(part.up), *place)
        start += part.rank
    return records


def _lines(size: int) -> int:
    return -(-size // _LINE) * _LINE
