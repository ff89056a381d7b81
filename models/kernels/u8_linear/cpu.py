"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.u8_linear.packing import U8Packed

_ALIGNMENT = 64


class U8MatrixArgs(ctypes.Structure):
    """Mirrors `U8Matrix` of product.h."""

    _fields_ = [
        ("codes", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("inputs", "outputs", "group", "unused")),
    ]


class U8LinearArgs(ctypes.Structure):
    _fields_ = [
        ("w", U8MatrixArgs),
        *((name, ctypes.c_void_p) for name in ("bias", "x", "y", "scratch")),
        ("scratch_bytes", ctypes.c_int64),
    ]


def u8_matrix_args(packed: U8Packed) -> U8MatrixArgs:
    """Whoever uses it must keep `packed`."""
    return U8MatrixArgs(
        pointer(packed.codes), pointer(packed.scales), packed.inputs, packed.outputs, packed.group
    )


def add_u8_linear(program: Program, weight: U8Packed, bias_O: Tensor, x_NI: Tensor, y_NO: Tensor) -> None:
    """y = x Wᵀ + b for the step's tokens. `x` and `y` must not overlap."""
    assert x_NI.dtype == y_NO.dtype == bias_O.dtype == torch.float32
    assert (x_NI.shape[1], y_NO.shape[1]) == (weight.inputs, weight.outputs)
    assert bias_O.shape == (weight.outputs,)
    args = U8LinearArgs(u8_matrix_args(weight), pointer(bias_O), pointer(x_NI), pointer(y_NO))
    size = program.library.open("u8_linear").u8_linear_bytes
    size.restype = ctypes.c_int64
    args.scratch_bytes = size(ctypes.byref(args))
    scratch = program.scratch(program.threads * args.scratch_bytes + _ALIGNMENT)
    args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
    program.add("u8_linear", args, keep=(weight, bias_O, x_NI, y_NO, scratch))
