"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.glu.reference import Activation
from secretariat.models.kernels.library import Program, pointer

_ACTIVATIONS = ("silu", "relu2", "gelu", "gelu_tanh")


class GluArgs(ctypes.Structure):
    _fields_ = [
        ("x", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        ("hidden", ctypes.c_int32),
        ("gated", ctypes.c_int32),
        ("activation", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


class CapArgs(ctypes.Structure):
    _fields_ = [
        ("x", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        ("cap", ctypes.c_float),
        ("unused", ctypes.c_int32),
    ]


def add_glu(program: Program, x_NG: Tensor, y_NF: Tensor, activation: Activation) -> None:
    """y = f(x), or f(gate) · up where x is twice as wide as y: the gates, then what they gate."""
    hidden, width = y_NF.shape[1], x_NG.shape[1]
    assert width in {hidden, 2 * hidden}
    gated = width == 2 * hidden
    args = GluArgs(pointer(x_NG), pointer(y_NF), hidden, gated, _ACTIVATIONS.index(activation))
    program.add("glu", args, keep=(x_NG, y_NF))


def add_soft_cap(program: Program, x_MV: Tensor, cap: float) -> None:
    """x = C tanh(x / C) in place, of as many rows as the step wants logits of."""
    args = CapArgs(pointer(x_MV), x_MV.shape[1], cap)
    program.add("glu", args, function="soft_cap", keep=(x_MV,))
