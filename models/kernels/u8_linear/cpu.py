"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.library import Library, Program, Step, pointer
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
    args = _args(program, weight, bias_O)
    _point(args, weight, x_NI, y_NO)
    program.add("u8_linear", args, keep=(weight, bias_O, x_NI, y_NO))


class U8Product:
    """x Wᵀ on its own: for who has no program to put it into."""

    def __init__(self, library: Library, threads: int, weight: U8Packed) -> None:
        self._program = Program(library, threads)
        self._weight = weight
        bias_O = torch.zeros(weight.outputs)
        self._args = _args(self._program, weight, bias_O)
        self._program.add("u8_linear", self._args, keep=(weight, bias_O))

    def __call__(self, x_NI: Tensor) -> Tensor:
        """[N, O] float32. `x_NI`: contiguous float32 [N, I]."""
        y_NO = torch.empty(len(x_NI), self._weight.outputs)
        _point(self._args, self._weight, x_NI, y_NO)
        self._program.run(Step(tokens=len(x_NI)))
        return y_NO


def _args(program: Program, weight: U8Packed, bias_O: Tensor) -> U8LinearArgs:
    """All but x and y."""
    assert bias_O.dtype == torch.float32
    assert bias_O.shape == (weight.outputs,)
    args = U8LinearArgs(u8_matrix_args(weight), pointer(bias_O))
    size = program.library.open("u8_linear").u8_linear_bytes
    size.restype = ctypes.c_int64
    args.scratch_bytes = size(ctypes.byref(args))
    scratch = program.scratch(program.threads * args.scratch_bytes + _ALIGNMENT)
    args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
    args.kept = scratch
    return args


def _point(args: U8LinearArgs, weight: U8Packed, x_NI: Tensor, y_NO: Tensor) -> None:
    assert x_NI.dtype == y_NO.dtype == torch.float32
    assert (x_NI.shape[1], y_NO.shape[1]) == (weight.inputs, weight.outputs)
    args.x, args.y = pointer(x_NI), pointer(y_NO)
