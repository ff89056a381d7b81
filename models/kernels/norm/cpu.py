"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.library import Program, pointer


class NormArgs(ctypes.Structure):
    _fields_ = [
        ("x", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("width", ctypes.c_int32),
        ("mean", ctypes.c_int32),
        ("eps", ctypes.c_float),
        ("wanted", ctypes.c_int32),
    ]


def add_norm(
    program: Program,
    x_NE: Tensor,
    y_NE: Tensor,
    weight_E: Tensor,
    *,
    eps: float,
    mean: bool,
    wanted: bool = False,
) -> None:
    """`wanted`: only the rows whose logits the step wants, packed together in `y`. In place if not."""
    width = x_NE.shape[1]
    assert y_NE.shape[1] == width
    assert weight_E.shape == (width,)
    args = NormArgs(pointer(x_NE), pointer(y_NE), pointer(weight_E), width, mean, eps, wanted)
    program.add("norm", args, keep=(x_NE, y_NE, weight_E))
