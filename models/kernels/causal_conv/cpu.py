"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.untouched import untouched

MAX_TAPS = 8


class CausalConvArgs(ctypes.Structure):
    _fields_ = [
        ("x", Columns),
        ("y", Columns),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("state", ctypes.c_void_p),
        ("kept", ctypes.c_void_p),
        ("channels", ctypes.c_int32),
        ("taps", ctypes.c_int32),
        ("held", ctypes.c_int32),
    ]


def add_causal_conv(
    program: Program,
    commits: Program,
    x_NC: Tensor,
    y_NC: Tensor,
    weight_Ck: Tensor,
    bias_C: Tensor | None,
    state_SWC: Tensor,
    *,
    held: int,
) -> None:
    """`x_NC` may be columns of a wider buffer. `held`: the most tokens of a held run.

    `commits` gets the operation that advances the state by tokens of held runs; it reads `runs`, `starts` (how
    many tokens) and `slots` of its step. Not in place.
    """
    channels, taps = weight_Ck.shape
    assert 2 <= taps <= MAX_TAPS, f"a convolution of {taps} taps"
    assert x_NC.shape == y_NC.shape
    assert x_NC.shape[1] == channels
    assert state_SWC.shape[1:] == (taps - 1, channels)
    weight_kC = weight_Ck.T.contiguous()
    bias_C = torch.zeros(channels) if bias_C is None else bias_C
    kept_SLC = untouched(len(state_SWC), held, channels)
    args = CausalConvArgs(
        Columns.of(x_NC), Columns.of(y_NC), pointer(weight_kC), pointer(bias_C),
        pointer(state_SWC), pointer(kept_SLC), channels, taps, held,
    )  # fmt: skip
    keep = (x_NC, y_NC, weight_kC, bias_C, state_SWC, kept_SLC)
    program.add("causal_conv", args, keep=keep)
    commits.add("causal_conv", args, function="causal_conv_commit", keep=keep)
