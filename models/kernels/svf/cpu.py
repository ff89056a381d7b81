"""The compiled operation's arguments. Shape letters: N tokens, O outputs, R directions, A adapters."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.library import Program, pointer, rows_pointer


class SvfArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("y", "t", "table")),
        *((name, ctypes.c_int64) for name in ("stride", "offset", "y_width")),
        *((name, ctypes.c_int32) for name in ("first", "count", "rank")),
    ]


def add_svf(
    program: Program, y_NO: Tensor, t_NR: Tensor, table_AX: Tensor, *, offset: int, first: int, count: int
) -> None:
    """Scales columns `first` … `first + count` of y by table[a, offset] and t by table[a, offset + 1 …]."""
    rank = t_NR.shape[1]
    assert first + count <= y_NO.shape[1]
    assert offset + 1 + rank <= table_AX.shape[1]
    args = SvfArgs(
        rows_pointer(y_NO), pointer(t_NR), pointer(table_AX), table_AX.shape[1], offset,
        y_NO.stride(0), first, count, rank,
    )  # fmt: skip
    program.add("svf", args, keep=(y_NO, t_NR, table_AX))


class AccumulateArgs(ctypes.Structure):
    _fields_ = [
        ("x", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        ("y_width", ctypes.c_int64),
        ("width", ctypes.c_int32),
        ("add", ctypes.c_float),
    ]


def add_accumulate(program: Program, x_NO: Tensor, y_NO: Tensor, *, add: float) -> None:
    """y += add · x."""
    assert x_NO.shape == y_NO.shape
    args = AccumulateArgs(pointer(x_NO), rows_pointer(y_NO), y_NO.stride(0), x_NO.shape[1], add)
    program.add("svf", args, function="accumulate", keep=(x_NO, y_NO))
