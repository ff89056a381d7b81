"""The compiled operations' arguments, checked here because they read and write raw pointers."""

import ctypes
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer


class _TableArgs(ctypes.Structure):
    _fields_ = [
        ("frequencies", ctypes.c_void_p),
        ("cosines", ctypes.c_void_p),
        ("sines", ctypes.c_void_p),
        ("factor", ctypes.c_double),
        ("pairs", ctypes.c_int32),
    ]


class _Norming(ctypes.Structure):
    _fields_ = [("weight", ctypes.c_void_p), ("width", ctypes.c_int32), ("shared", ctypes.c_int32)]

    @classmethod
    def of(cls, weight: Tensor | None, heads: int, dim: int) -> Self:
        if weight is None:
            return cls()
        assert weight.dtype is torch.float32
        assert weight.shape in {(dim,), (heads, dim), (heads * dim,)}
        across = weight.ndim == 1 and len(weight) != dim
        return cls(pointer(weight), heads * dim if across else dim, weight.shape == (dim,))


class _RotaryArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("qkv", "cosines", "sines", "keys", "values")),
        ("query_norm", _Norming),
        ("key_norm", _Norming),
        *((name, ctypes.c_int32) for name in ("heads", "kv_heads", "dim", "half", "pairs", "apart", "mean")),
        ("eps", ctypes.c_float),
        ("clip", ctypes.c_float),
    ]


@dataclass(frozen=True, slots=True)
class Turning:
    """`cosines_NP`, `sines_NP`: the table that `add_rotary_table` fills. `interleaved`: pairs lie side by side."""

    cosines_NP: Tensor
    sines_NP: Tensor
    interleaved: bool = False


@dataclass(frozen=True, slots=True)
class QkNorm:
    """Weights [D] (every head alike), [H, D] (each head its own) or [H·D] (normalised across all heads)."""

    query: Tensor
    key: Tensor
    eps: float
    mean: bool


def add_rotary_table(
    program: Program, frequencies_P: Tensor, cosines_NP: Tensor, sines_NP: Tensor, *, factor: float = 1.0
) -> None:
    """Once a step: cosines and sines of the step's positions times `frequencies_P` (float64), times `factor`."""
    (pairs,) = frequencies_P.shape
    assert frequencies_P.dtype is torch.float64
    assert cosines_NP.shape[1] == sines_NP.shape[1] == pairs
    assert cosines_NP.dtype == sines_NP.dtype == torch.float32
    args = _TableArgs(pointer(frequencies_P), pointer(cosines_NP), pointer(sines_NP), factor, pairs)
    program.add("rotary", args, function="rotary_table", keep=(frequencies_P, cosines_NP, sines_NP))


def add_rotary(
    program: Program,
    qkv_NF: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    turning: Turning | None = None,
    qk_norm: QkNorm | None = None,
    clip: float | None = None,
) -> None:
    """Norms, clips and turns qkv[N, (H + 2K)·D] in place, in this order, and puts the step's keys and values into
    pages `keys` [P, K, D/2, 16, 2] and `values` [P, K, 8, D, 2], float32 or bfloat16."""
    kv_heads, dim = keys.shape[1], values.shape[3]
    heads = qkv_NF.shape[1] // dim - 2 * kv_heads
    assert keys.shape == (len(keys), kv_heads, dim // 2, 16, 2)
    assert values.shape == (len(keys), kv_heads, 8, dim, 2)
    assert keys.dtype == values.dtype
    assert keys.dtype in {torch.float32, torch.bfloat16}
    assert qkv_NF.dtype is torch.float32
    assert heads > 0
    assert qkv_NF.shape[1] == (heads + 2 * kv_heads) * dim
    assert clip is None or clip > 0
    args = _RotaryArgs(
        qkv=pointer(qkv_NF), keys=pointer(keys), values=pointer(values),
        heads=heads, kv_heads=kv_heads, dim=dim, half=keys.dtype is torch.bfloat16, clip=clip or 0.0,
    )  # fmt: skip
    if turning is not None:
        args.pairs = turning.cosines_NP.shape[1]
        assert 2 * args.pairs <= dim
        args.apart = 1 if turning.interleaved else args.pairs
        args.cosines, args.sines = pointer(turning.cosines_NP), pointer(turning.sines_NP)
    if qk_norm is not None:
        args.query_norm = _Norming.of(qk_norm.query, heads, dim)
        args.key_norm = _Norming.of(qk_norm.key, kv_heads, dim)
        args.eps, args.mean = qk_norm.eps, qk_norm.mean
    program.add("rotary", args, keep=(qkv_NF, keys, values, turning, qk_norm))
