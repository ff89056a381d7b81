"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.gated_norm.reference import Gate
from secretariat.models.kernels.library import Program, pointer

_GATES: dict[Gate | None, int] = {None: 0, "before": 1, "after": 2}


class GatedNormArgs(ctypes.Structure):
    _fields_ = [
        *((name, Columns) for name in ("y", "z", "out")),
        ("weight", ctypes.c_void_p),
        ("groups", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("gate", ctypes.c_int32),
        ("eps", ctypes.c_float),
    ]


def add_gated_norm(
    program: Program,
    y_NI: Tensor,
    z_NI: Tensor,
    out_NI: Tensor,
    weight_I: Tensor | None,
    *,
    gate: Gate | None,
    groups: int,
    eps: float,
) -> None:
    """`out_NI` may be `y_NI` itself. `weight_I` where there is a norm, that is where `gate` isn't None."""
    channels = y_NI.shape[1]
    assert y_NI.shape == z_NI.shape == out_NI.shape
    assert channels % groups == 0
    assert (weight_I is None) == (gate is None)
    assert weight_I is None or weight_I.shape == (channels,)
    args = GatedNormArgs(
        *map(Columns.of, (y_NI, z_NI, out_NI)), None if weight_I is None else pointer(weight_I),
        groups, channels // groups, _GATES[gate], eps,
    )  # fmt: skip
    program.add("gated_norm", args, keep=(y_NI, z_NI, out_NI, weight_I))
