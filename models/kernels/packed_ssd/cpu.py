"""The compiled operation's arguments, checked here because it reads raw pointers.

Shape letters: N tokens of all documents, H heads, I channels of all heads, U channels with B and C, S documents.
"""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.library import Library, Program, Step, pointer
from secretariat.models.kernels.packed_conv.cpu import check_spans

_ALIGNMENT = 64
LANES = 16  # a head's channels, and the numbers of state of each, come in multiples of it


class PackedSsdArgs(ctypes.Structure):
    _fields_ = [
        *((name, Columns) for name in ("x", "dt", "y")),
        *((name, ctypes.c_void_p) for name in ("rate", "skip")),
        *((name, Columns) for name in ("d_y", "d_x", "d_dt")),
        *((name, ctypes.c_void_p) for name in ("d_rates", "spans", "scratch")),
        *((name, ctypes.c_int64) for name in ("documents", "longest", "scratch_bytes")),
        *((name, ctypes.c_int32) for name in ("heads", "width", "groups", "size")),
    ]


@dataclass(frozen=True, slots=True)
class PackedSsd:
    """The recurrence along each document, called on its own: for who has no program to put it into.

    `spans_S2`: int64, each document's first token and the one behind its last, in order. What is in no document
    is left as it is. `groups` of heads share B and C, `size` numbers each.
    """

    library: Library
    threads: int
    spans_S2: Tensor
    groups: int
    size: int

    def forth(self, xbc_NU: Tensor, dt_NH: Tensor, rate_H: Tensor, skip_H: Tensor, y_NI: Tensor) -> None:
        """`xbc_NU`: x, B and C side by side; `rate_H` A, below zero; `skip_H` D."""
        args = self._args(xbc_NU, dt_NH, rate_H, skip_H)
        assert y_NI.shape == (len(xbc_NU), args.heads * args.width)
        args.y = Columns.of(y_NI)
        self._run("packed_ssd", args, len(xbc_NU), back=False)

    def back(
        self, met: tuple[Tensor, Tensor, Tensor, Tensor], d_y_NI: Tensor,
        d_xbc_NU: Tensor, d_dt_NH: Tensor, d_rates_SH2: Tensor,
    ) -> None:  # fmt: skip
        """`met`: as `forth` had them. `d_rates_SH2`: what each document tells A and D."""
        xbc_NU, dt_NH, _, _ = met
        args = self._args(*met)
        assert d_y_NI.shape == (len(xbc_NU), args.heads * args.width)
        assert d_xbc_NU.shape == xbc_NU.shape
        assert d_dt_NH.shape == dt_NH.shape
        assert d_rates_SH2.shape == (len(self.spans_S2), args.heads, 2)
        assert d_rates_SH2.dtype == torch.float32
        args.d_y, args.d_x, args.d_dt = (Columns.of(part) for part in (d_y_NI, d_xbc_NU, d_dt_NH))
        args.d_rates = pointer(d_rates_SH2)
        self._run("packed_ssd_back", args, len(xbc_NU), back=True)

    def _args(self, xbc_NU: Tensor, dt_NH: Tensor, rate_H: Tensor, skip_H: Tensor) -> PackedSsdArgs:
        tokens, heads = dt_NH.shape
        inner = xbc_NU.shape[1] - 2 * self.groups * self.size
        assert len(xbc_NU) == tokens
        assert inner > 0
        assert inner % (heads * LANES) == 0
        assert heads % self.groups == 0
        assert self.size % LANES == 0
        assert rate_H.shape == skip_H.shape == (heads,)
        assert rate_H.dtype == skip_H.dtype == torch.float32
        return PackedSsdArgs(
            x=Columns.of(xbc_NU), dt=Columns.of(dt_NH), rate=pointer(rate_H), skip=pointer(skip_H),
            spans=pointer(self.spans_S2), documents=len(self.spans_S2),
            longest=check_spans(self.spans_S2, tokens),
            heads=heads, width=inner // heads, groups=self.groups, size=self.size,
        )  # fmt: skip

    def _run(self, function: str, args: PackedSsdArgs, tokens: int, *, back: bool) -> None:
        size = self.library.open("packed_ssd").packed_ssd_bytes
        size.restype = ctypes.c_int64
        args.scratch_bytes = size(ctypes.byref(args), int(back))
        program = Program(self.library, self.threads)
        scratch = program.scratch(self.threads * args.scratch_bytes + _ALIGNMENT)
        args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
        program.add("packed_ssd", args, function=function)
        program.run(Step(tokens=tokens))
