"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer

_ALIGNMENT = 64
STRIP = 32  # numbers of a head that are worked on together
MOST_DIM = 256  # as codes.h has it


class BidirectionalArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("qkv", "out", "scratch")),
        *((name, ctypes.c_int64) for name in ("scratch_bytes", "most")),
        *((name, ctypes.c_int32) for name in ("heads", "dim")),
        ("scale", ctypes.c_float),
        ("unused", ctypes.c_int32),
    ]


def add_bidirectional(program: Program, qkv_NF: Tensor, out_NE: Tensor, *, heads: int, most: int) -> None:
    """out[N, E] of qkv[N, 3 E]: queries of all heads, their keys, their values. Each token of a run sees the whole
    run, of at most `most` tokens."""
    width = out_NE.shape[1]
    dim = width // heads
    assert qkv_NF.shape[1] == 3 * width
    assert dim * heads == width
    assert dim % STRIP == 0
    assert dim <= MOST_DIM
    assert qkv_NF.dtype == out_NE.dtype == torch.float32
    args = BidirectionalArgs(
        qkv=pointer(qkv_NF), out=pointer(out_NE), most=most, heads=heads, dim=dim, scale=dim**-0.5
    )
    size = program.library.open("bidirectional").bidirectional_bytes
    size.restype = ctypes.c_int64
    args.scratch_bytes = size(ctypes.byref(args))
    scratch = program.scratch(program.threads * args.scratch_bytes + _ALIGNMENT)
    args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
    program.add("bidirectional", args, keep=(qkv_NF, out_NE, scratch))
