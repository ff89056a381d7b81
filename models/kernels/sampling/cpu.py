"""The compiled draw of one row, its arguments checked because it reads raw pointers."""

import ctypes
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from secretariat.models.kernels.library import Library
from secretariat.models.kernels.sampling.reference import Edits, Rule, Words

_POINTERS = ("logits", "allowed", "seen", "counts", "biased", "bias", "row", "weights")
_NO_IDS = np.empty(0, np.int32)
_NO_EDITS = Edits(_NO_IDS, _NO_IDS, _NO_IDS, np.empty(0, np.float32))


class DrawArgs(ctypes.Structure):
    _fields_: ClassVar = [
        *((name, ctypes.c_void_p) for name in _POINTERS),
        ("bits", ctypes.c_uint64),
        ("top_p", ctypes.c_double),
        *((name, ctypes.c_int32) for name in ("width", "top_k", "seen_count", "biased_count")),
        *((name, ctypes.c_float) for name in ("scale", "floor", "repetition", "frequency", "presence")),
    ]


class RowsArgs(ctypes.Structure):
    _fields_: ClassVar = [
        *((name, ctypes.c_void_p) for name in ("logits", "allowed", "ids")),
        *((name, ctypes.c_int32) for name in ("rows", "width", "threads")),
    ]


class CompiledDraw:
    """`reference.draw` for rows of `width` logits. One thread at a time: it owns its scratch memory.

    `threads` share the rows of `likeliest`.
    """

    def __init__(self, library: Library, width: int, threads: int = 1) -> None:
        # A draw is shorter than a hand-over of the interpreter's lock: it keeps the lock.
        kind = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
        self._draw = kind(library.address("sampling", "draw_token"))
        several = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
        self._likeliest = several(library.address("sampling", "likeliest_tokens"))
        self._threads = threads
        self._width = width
        self._words = -(-width // 32)
        self._scratch = np.empty(width, np.float32), np.empty(-(-width // 16) * 16, np.int32)
        row, weights = (array.ctypes.data for array in self._scratch)
        self._args = DrawArgs(width=width, row=row, weights=weights)
        self._address = ctypes.addressof(self._args)
        self._edited = False

    def __call__(
        self, logits_V: Tensor, allowed_W: Words, rule: Rule, edits: Edits | None = None, bits: int = 0
    ) -> int:
        assert logits_V.dtype == torch.float32
        assert logits_V.shape == (self._width,)
        assert logits_V.is_contiguous()
        assert allowed_W.shape == (self._words,)
        assert allowed_W.dtype == np.uint32
        args = self._args
        args.logits, args.allowed = logits_V.data_ptr(), allowed_W.ctypes.data
        args.scale, args.floor, args.top_k, args.top_p = rule.scale, rule.floor, rule.top_k, rule.top_p
        args.bits = bits
        if edits is not None or self._edited:
            self._edit(edits or _NO_EDITS)
            self._edited = edits is not None
        return int(self._draw(self._address))

    def likeliest(self, logits_MV: Tensor, allowed_M: Sequence[Words | None]) -> list[int]:
        """As of the reference, all rows in one call."""
        rows = len(allowed_M)
        assert logits_MV.dtype == torch.float32
        assert logits_MV.shape == (rows, self._width)
        assert logits_MV.is_contiguous()
        masks = {id(allowed_W): allowed_W for allowed_W in allowed_M if allowed_W is not None}
        assert all(mask.shape == (self._words,) and mask.dtype == np.uint32 for mask in masks.values())
        places = {key: mask.ctypes.data for key, mask in masks.items()}
        allowed = (ctypes.c_void_p * rows)(*(places.get(id(allowed_W)) for allowed_W in allowed_M))
        ids = (ctypes.c_int32 * rows)()
        args = RowsArgs(
            logits_MV.data_ptr(),
            ctypes.addressof(allowed),
            ctypes.addressof(ids),
            rows,
            self._width,
            self._threads,
        )
        self._likeliest(ctypes.addressof(args))
        return list(ids)

    def _edit(self, edits: Edits) -> None:
        args = self._args
        assert len(edits.seen_P) == len(edits.counts_P)
        assert len(edits.biased_B) == len(edits.bias_B)
        args.seen, args.counts = edits.seen_P.ctypes.data, edits.counts_P.ctypes.data
        args.biased, args.bias = edits.biased_B.ctypes.data, edits.bias_B.ctypes.data
        args.seen_count, args.biased_count = len(edits.seen_P), len(edits.biased_B)
        args.repetition, args.frequency = edits.repetition, edits.frequency
        args.presence = edits.presence
