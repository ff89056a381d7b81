"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.library import Program, pointer, rows_pointer
from secretariat.models.kernels.linear.packing import LANES, Packed

_FORMS = ("float32", "bfloat16", "q8", "q4")


class MatrixArgs(ctypes.Structure):
    """Mirrors `Matrix` of matrix.h."""

    _fields_ = [
        ("panels", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
        ("inputs", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("form", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


class LinearArgs(ctypes.Structure):
    _fields_ = [
        ("w", MatrixArgs),
        ("x", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("x_width", ctypes.c_int64),
        ("y_width", ctypes.c_int64),
        ("factor", ctypes.c_float),
        ("add", ctypes.c_int32),
        ("wanted", ctypes.c_int32),
    ]


def matrix_args(packed: Packed) -> MatrixArgs:
    """Whoever uses it must keep `packed`."""
    panels = packed.panels
    return MatrixArgs(
        pointer(panels), panels.shape[1], packed.inputs, packed.outputs, _FORMS.index(packed.form)
    )


def laid_bytes(packed: Packed, rows: int) -> int:
    """Scratch that `rows` rows of x take, laid as the products read them (rows.h)."""
    bytes_of_group = {"bfloat16": 68, "q8": 40, "q4": 40}
    of_row = packed.inputs * 4 if packed.form == "float32" else packed.groups * bytes_of_group[packed.form]
    return (rows + LANES) * of_row


def add_linear(
    program: Program,
    weight: Packed,
    x_NI: Tensor,
    y_NO: Tensor,
    *,
    bias: Tensor | None = None,
    add: float | None = None,
    scale: float = 1.0,
    wanted: bool = False,
) -> None:
    """y = scale · (x Wᵀ + bias), or y += add · (x Wᵀ + bias), for the step's tokens.

    Rows of `x` and `y` may lie apart (views of some columns of wider buffers). `wanted`: for the first rows, as
    many as the step wants logits of, instead. `x` and `y` must not overlap.
    """
    rows, inputs = x_NI.shape
    assert weight.matrices == 1, "one matrix, not a stack of experts"
    assert inputs == weight.inputs
    assert y_NO.shape[1] == weight.outputs
    assert bias is None or bias.shape == (weight.outputs,)
    scratch = program.scratch(laid_bytes(weight, rows))
    args = LinearArgs(
        w=matrix_args(weight),
        x=rows_pointer(x_NI),
        y=rows_pointer(y_NO),
        bias=None if bias is None else pointer(bias),
        scratch=pointer(scratch),
        x_width=x_NI.stride(0),
        y_width=y_NO.stride(0),
        factor=scale if add is None else add,
        add=add is not None,
        wanted=wanted,
    )
    program.add("linear", args, keep=(weight, x_NI, y_NO, bias, scratch))
