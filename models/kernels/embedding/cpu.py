"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.linear.cpu import MatrixArgs, matrix_args
from secretariat.models.kernels.linear.packing import Packed


class EmbeddingArgs(ctypes.Structure):
    _fields_ = [
        ("w", MatrixArgs),
        ("x", ctypes.c_void_p),
        ("scale", ctypes.c_float),
        ("unused", ctypes.c_int32),
    ]


def add_embedding(program: Program, weight: Packed, x_NE: Tensor, *, scale: float = 1.0) -> None:
    """x = scale · W[ids] for the step's tokens, whose ids the caller has checked against W's rows."""
    assert weight.matrices == 1
    assert x_NE.shape[1] == weight.inputs
    args = EmbeddingArgs(w=matrix_args(weight), x=pointer(x_NE), scale=scale)
    program.add("embedding", args, keep=(weight, x_NE))
