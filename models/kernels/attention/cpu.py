"""The compiled operation's arguments, checked here because it reads raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer

_PARTS_BYTES = 8 << 20  # states of the splits of long contexts; more are walked by one thread each


class AttentionArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("qkv", "out", "keys", "values", "scratch", "parts", "claims")),
        *((name, ctypes.c_int64) for name in ("scratch_bytes", "parts_count")),
        *((name, ctypes.c_int32) for name in ("heads", "kv_heads", "dim", "half", "window", "sinks")),
        *((name, ctypes.c_float) for name in ("scale", "cap")),
    ]


def add_attention(
    program: Program,
    qkv_NF: Tensor,
    out_NF: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float,
    window: int | None = None,
    sinks: int = 0,
    soft_cap: float | None = None,
) -> None:
    """out[N, H·D] of the queries in qkv[N, (H + 2K)·D], float32.

    `keys` [P, K, D/2, 16, 2] and `values` [P, K, 8, D, 2], float32 or bfloat16, hold the tokens of this step
    already. The step's runs must own pages for all of their tokens.
    """
    kv_heads, dim = keys.shape[1], values.shape[3]
    heads = qkv_NF.shape[1] // dim - 2 * kv_heads
    assert keys.shape == (len(keys), kv_heads, dim // 2, 16, 2)
    assert values.shape == (len(keys), kv_heads, 8, dim, 2)
    assert keys.dtype == values.dtype
    assert keys.dtype in {torch.float32, torch.bfloat16}
    assert qkv_NF.dtype == out_NF.dtype == torch.float32
    assert qkv_NF.shape[1] == (heads + 2 * kv_heads) * dim
    assert out_NF.shape[1] == heads * dim
    assert heads > 0
    assert heads % kv_heads == 0
    assert scale > 0, "the largest score must be the most probable"
    assert window is None or window > 0
    args = AttentionArgs(
        qkv=pointer(qkv_NF), out=pointer(out_NF), keys=pointer(keys), values=pointer(values),
        heads=heads, kv_heads=kv_heads, dim=dim, half=keys.dtype == torch.bfloat16,
        window=window or 0, sinks=sinks, scale=scale, cap=soft_cap or 0.0,
    )  # fmt: skip
    sizes = (ctypes.c_int64 * 2)()
    program.library.open("attention").attention_sizes(ctypes.byref(args), sizes)
    args.scratch_bytes, part_width = sizes
    args.parts_count = _PARTS_BYTES // (4 * part_width)
    scratch = torch.empty(program.threads * args.scratch_bytes + 64, dtype=torch.uint8)
    parts = torch.empty(args.parts_count, part_width)
    claims = torch.zeros(2, dtype=torch.int32)
    args.scratch = -(-pointer(scratch) // 64) * 64
    args.parts, args.claims = pointer(parts), pointer(claims)
    program.add("attention", args, keep=(qkv_NF, out_NF, keys, values, scratch, parts, claims))
