"""The compiled operation's arguments, checked here because it reads raw pointers.

Shape letters: N tokens of all documents, H query heads, K key heads, D head width, S documents.
"""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.library import Library, Program, Step, pointer

_ALIGNMENT = 64
_EVERYTHING = 1 << 40  # a window without an end
LANES = 16  # a head has a multiple of so many numbers


class HeadsArgs(ctypes.Structure):
    """Mirrors `Heads` of cpu.cpp."""

    _fields_ = [("first", ctypes.c_void_p), ("token", ctypes.c_int64), ("head", ctypes.c_int64)]


class PackedAttentionArgs(ctypes.Structure):
    _fields_ = [
        *((name, HeadsArgs) for name in ("q", "k", "v", "out")),
        ("tops", ctypes.c_void_p),
        *((name, HeadsArgs) for name in ("d_out", "dq", "dk", "dv")),
        *((name, ctypes.c_void_p) for name in ("spans", "scratch")),
        *((name, ctypes.c_int64) for name in ("documents", "longest", "scratch_bytes", "window", "sinks")),
        *((name, ctypes.c_int32) for name in ("heads", "kv_heads", "dim")),
        ("scale", ctypes.c_float),
    ]


@dataclass(frozen=True, slots=True)
class PackedAttention:
    """Attention within documents, called on its own: for who has no program to put it into.

    `spans_S2`: int64, each document's first token and the one behind its last, in order. What is in no document
    is left as it is. `window` None: everything before.
    """

    library: Library
    threads: int
    spans_S2: Tensor
    scale: float
    window: int | None = None
    sinks: int = 0

    def forth(self, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, out_NHD: Tensor, tops_NH2: Tensor) -> None:
        """`tops_NH2`: what the way back needs: the largest score in base 2 and one over the sum of powers."""
        args = self._args(q_NHD, k_NKD, v_NKD, out_NHD, tops_NH2)
        self._run("packed_attention", args, len(q_NHD), back=False)

    def back(
        self, met: tuple[Tensor, Tensor, Tensor, Tensor, Tensor], d_out_NHD: Tensor,
        dq_NHD: Tensor, dk_NKD: Tensor, dv_NKD: Tensor,
    ) -> None:  # fmt: skip
        """`met`: queries, keys, values, outputs and tops as `forth` had and left them."""
        q_NHD, k_NKD, v_NKD, _, _ = met
        args = self._args(*met)
        for name, told, like in (
            ("d_out", d_out_NHD, q_NHD), ("dq", dq_NHD, q_NHD), ("dk", dk_NKD, k_NKD), ("dv", dv_NKD, v_NKD)
        ):  # fmt: skip
            assert told.shape == like.shape
            setattr(args, name, _heads(told))
        self._run("packed_attention_back", args, len(q_NHD), back=True)

    def _args(
        self, q_NHD: Tensor, k_NKD: Tensor, v_NKD: Tensor, out_NHD: Tensor, tops_NH2: Tensor
    ) -> PackedAttentionArgs:
        tokens, heads, dim = q_NHD.shape
        kv_heads = k_NKD.shape[1]
        assert k_NKD.shape == v_NKD.shape == (tokens, kv_heads, dim)
        assert out_NHD.shape == q_NHD.shape
        assert heads % kv_heads == 0
        assert dim % LANES == 0
        assert self.scale > 0
        assert self.window is None or self.window > 0
        assert tops_NH2.shape == (tokens, heads, 2)
        assert tops_NH2.dtype == torch.float32
        spans_S2 = self.spans_S2
        assert spans_S2.dtype == torch.int64
        assert spans_S2.shape == (len(spans_S2), 2)
        lengths_S = spans_S2[:, 1] - spans_S2[:, 0]
        assert not len(spans_S2) or (
            lengths_S.min() >= 0 and spans_S2.min() >= 0 and spans_S2.max() <= tokens
        )
        return PackedAttentionArgs(
            *(_heads(part) for part in (q_NHD, k_NKD, v_NKD, out_NHD)),
            pointer(tops_NH2),
            spans=pointer(spans_S2), documents=len(spans_S2), longest=int(lengths_S.max()) if len(spans_S2) else 0,
            window=_EVERYTHING if self.window is None else self.window, sinks=self.sinks,
            heads=heads, kv_heads=kv_heads, dim=dim, scale=self.scale,
        )  # fmt: skip

    def _run(self, function: str, args: PackedAttentionArgs, tokens: int, *, back: bool) -> None:
        size = self.library.open("packed_attention").packed_attention_bytes
        size.restype = ctypes.c_int64
        args.scratch_bytes = size(ctypes.byref(args), int(back))
        program = Program(self.library, self.threads)
        scratch = program.scratch(self.threads * args.scratch_bytes + _ALIGNMENT)
        args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
        program.add("packed_attention", args, function=function)
        program.run(Step(tokens=tokens))


def _heads(part_NHD: Tensor) -> HeadsArgs:
    assert part_NHD.dtype == torch.float32
    assert part_NHD.stride(2) == 1, "an operation reads contiguous heads"
    return HeadsArgs(part_NHD.data_ptr(), part_NHD.stride(0), part_NHD.stride(1))
