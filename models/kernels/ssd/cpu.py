"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.untouched import untouched

MAX_STATE = 512
MAX_HELD = 64


class SsdArgs(ctypes.Structure):
    _fields_ = [
        *((name, Columns) for name in ("x", "b", "c", "dt", "y")),
        *((name, ctypes.c_void_p) for name in ("dt_bias", "rate", "skip", "state", "kept")),
        *((name, ctypes.c_float) for name in ("low", "high")),
        *((name, ctypes.c_int32) for name in ("heads", "width", "size", "groups", "held")),
    ]


class ScaleArgs(ctypes.Structure):
    _fields_ = [("x", Columns), ("scale", ctypes.c_void_p), ("columns", ctypes.c_int32)]


@dataclass(frozen=True, slots=True)
class SsdBuffers:
    """What the recurrence reads and writes of a step, each columns of some buffer: x and y [N, heads * width],
    b and c [N, groups * states] (all three after the convolution), dt [N, heads] as projected."""

    x_NI: Tensor
    b_NS: Tensor
    c_NS: Tensor
    dt_NH: Tensor
    y_NI: Tensor


@dataclass(frozen=True, slots=True)
class SsdWeights:
    """[heads] each, as in the checkpoint; A = -exp(A_log)."""

    dt_bias_H: Tensor
    a_log_H: Tensor
    d_H: Tensor


def add_ssd(
    program: Program,
    commits: Program,
    buffers: SsdBuffers,
    weights: SsdWeights,
    state_KHPS: Tensor,
    *,
    groups: int,
    dt_limit: tuple[float, float],
    held: int,
) -> None:
    """`state_KHPS` of K slots. `held`: the most tokens of a held run, at most MAX_HELD.

    `commits` gets the operation that advances the state by tokens of held runs; it reads `runs`, `starts` (how
    many tokens) and `slots` of its step.
    """
    _, heads, width, size = state_KHPS.shape
    assert size <= MAX_STATE, f"a state of {size} numbers a channel"
    assert held <= MAX_HELD, f"held runs of {held} tokens"
    assert heads % groups == 0
    assert buffers.x_NI.shape[1] == buffers.y_NI.shape[1] == heads * width
    assert buffers.b_NS.shape[1] == buffers.c_NS.shape[1] == groups * size
    assert buffers.dt_NH.shape[1] == heads
    rate_H = -torch.exp(weights.a_log_H)
    kept_KLW = untouched(len(state_KHPS), held, heads + heads * width + groups * size)
    args = SsdArgs(
        *map(Columns.of, (buffers.x_NI, buffers.b_NS, buffers.c_NS, buffers.dt_NH, buffers.y_NI)),
        *map(pointer, (weights.dt_bias_H, rate_H, weights.d_H, state_KHPS, kept_KLW)),
        *dt_limit, heads, width, size, groups, held,
    )  # fmt: skip
    keep = (buffers, weights, rate_H, state_KHPS, kept_KLW)
    program.add("ssd", args, keep=keep)
    commits.add("ssd", args, function="ssd_commit", keep=keep)


def add_scale(program: Program, x_NC: Tensor, scale_C: Tensor) -> None:
    """Multiplies each column of `x_NC` by its number of `scale_C`, in place."""
    assert scale_C.shape == (x_NC.shape[1],)
    args = ScaleArgs(Columns.of(x_NC), pointer(scale_C), len(scale_C))
    program.add("ssd", args, function="ssd_scale", keep=(x_NC, scale_C))
