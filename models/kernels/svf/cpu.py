"""The compiled operation's arguments. Letters: N tokens, O outputs, R directions of all parts, A adapters."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from secretariat.models.kernels.library import Program, pointer, rows_pointer


@dataclass(frozen=True, slots=True)
class Part:
    """Columns `first` … `first + count` of a product. A row of the table holds its factor at `offset` and its
    `rank` gains behind it."""

    offset: int
    first: int
    count: int
    rank: int


class _Part(ctypes.Structure):
    _fields_ = [
        ("offset", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("first", "count", "rank", "unused")),
    ]


class SvfArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("product", "t", "y", "table", "parts")),
        *((name, ctypes.c_int64) for name in ("stride", "product_width", "y_width", "t_width")),
        *((name, ctypes.c_int32) for name in ("count", "unused")),
        ("add", ctypes.c_float),
    ]


def add_svf(
    program: Program,
    product_NO: Tensor,
    t_NR: Tensor,
    table_AX: Tensor,
    parts: Sequence[Part],
    *,
    into: Tensor | None = None,
    add: float = 1.0,
) -> None:
    """product *= factor for each part's columns, or into += add · factor · product; and t *= gains.

    The columns of parts that the factors leave out are not touched, nor added.
    """
    assert t_NR.shape[1] == sum(part.rank for part in parts)
    assert all(part.first + part.count <= product_NO.shape[1] for part in parts)
    assert all(part.offset + 1 + part.rank <= table_AX.shape[1] for part in parts)
    rows = (_Part * len(parts))(*(_Part(p.offset, p.first, p.count, p.rank, 0) for p in parts))
    args = SvfArgs(
        rows_pointer(product_NO), pointer(t_NR), None if into is None else rows_pointer(into), pointer(table_AX),
        ctypes.addressof(rows), table_AX.shape[1], product_NO.stride(0),
        0 if into is None else into.stride(0), t_NR.shape[1], len(parts), 0, add,
    )  # fmt: skip
    program.add("svf", args, keep=(product_NO, t_NR, table_AX, rows, into))
