"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.untouched import untouched

MAX_STATE = 256


class InputsArgs(ctypes.Structure):
    _fields_ = [
        *((name, Columns) for name in ("projected", "dt", "b", "c")),
        ("weights", ctypes.c_void_p),
        ("rank", ctypes.c_int32),
        ("size", ctypes.c_int32),
        ("eps", ctypes.c_float),
    ]


class ScanArgs(ctypes.Structure):
    _fields_ = [
        *((name, Columns) for name in ("x", "dt", "b", "c", "z", "y")),
        *((name, ctypes.c_void_p) for name in ("rate", "skip", "state", "kept")),
        *((name, ctypes.c_int32) for name in ("channels", "size", "held")),
    ]


@dataclass(frozen=True, slots=True)
class ScanBuffers:
    """What the scan reads and writes of a step, each columns of some buffer: x (after the convolution), dt (with
    its bias, before softplus), z and y [N, I]; b and c [N, states]."""

    x_NI: Tensor
    dt_NI: Tensor
    b_NS: Tensor
    c_NS: Tensor
    z_NI: Tensor
    y_NI: Tensor


def add_scan_inputs(
    program: Program,
    projected_NP: Tensor,
    dt_NR: Tensor,
    b_NS: Tensor,
    c_NS: Tensor,
    weights: tuple[Tensor, Tensor, Tensor] | None,
    *,
    eps: float,
) -> None:
    """Takes dt, B and C [N, R + 2 S] apart, each by its RMSNorm where there are weights [R], [S], [S]."""
    rank, size = dt_NR.shape[1], b_NS.shape[1]
    assert c_NS.shape[1] == size
    assert projected_NP.shape[1] == rank + 2 * size
    weight_P = None if weights is None else torch.cat(weights)
    assert weight_P is None or weight_P.shape == (rank + 2 * size,)
    args = InputsArgs(
        *map(Columns.of, (projected_NP, dt_NR, b_NS, c_NS)),
        None if weight_P is None else pointer(weight_P), rank, size, eps,
    )  # fmt: skip
    program.add(
        "selective_scan",
        args,
        function="selective_scan_inputs",
        keep=(projected_NP, dt_NR, b_NS, c_NS, weight_P),
    )


def add_selective_scan(
    program: Program,
    commits: Program,
    buffers: ScanBuffers,
    a_log_IS: Tensor,
    d_I: Tensor,
    state_KSI: Tensor,
    *,
    held: int,
) -> None:
    """`state_KSI` of K slots. `held`: the most tokens of a held run.

    `commits` gets the operation that advances the state by tokens of held runs; it reads `runs`, `starts` (how
    many tokens) and `slots` of its step.
    """
    channels, size = a_log_IS.shape
    assert size <= MAX_STATE, f"a state of {size} numbers a channel"
    assert all(
        view.shape[1] == channels for view in (buffers.x_NI, buffers.dt_NI, buffers.z_NI, buffers.y_NI)
    )
    assert buffers.b_NS.shape[1] == buffers.c_NS.shape[1] == size
    assert state_KSI.shape[1:] == (size, channels)
    rate_SI = (-torch.exp(a_log_IS.double()) / torch.log(torch.tensor(2.0).double())).float().T.contiguous()
    kept_KLW = untouched(len(state_KSI), held, 2 * channels + size)
    args = ScanArgs(
        *map(Columns.of, (buffers.x_NI, buffers.dt_NI, buffers.b_NS, buffers.c_NS, buffers.z_NI, buffers.y_NI)),
        *map(pointer, (rate_SI, d_I, state_KSI, kept_KLW)), channels, size, held,
    )  # fmt: skip
    keep = (buffers, rate_SI, d_I, state_KSI, kept_KLW)
    program.add("selective_scan", args, keep=keep)
    commits.add("selective_scan", args, function="selective_scan_commit", keep=keep)
