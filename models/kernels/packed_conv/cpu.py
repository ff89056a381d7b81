"""The compiled operation's arguments, checked here because it reads raw pointers.

Shape letters: N tokens of all documents, C channels, K taps, S documents.
"""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.library import Library, Program, Step, pointer

LANES = 16  # channels come in multiples of it
MAX_TAPS = 8


class PackedConvArgs(ctypes.Structure):
    _fields_ = [
        ("x", Columns),
        ("y", Columns),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("d_y", Columns),
        ("d_x", Columns),
        ("d_weight", ctypes.c_void_p),
        ("d_bias", ctypes.c_void_p),
        ("spans", ctypes.c_void_p),
        ("documents", ctypes.c_int64),
        ("channels", ctypes.c_int32),
        ("taps", ctypes.c_int32),
    ]


@dataclass(frozen=True, slots=True)
class PackedConv:
    """The filter along each document, called on its own: for who has no program to put it into.

    `spans_S2`: int64, each document's first token and the one behind its last, in order. What is in no document
    is left as it is. `weight_KC`: oldest first.
    """

    library: Library
    threads: int
    spans_S2: Tensor

    def forth(self, x_NC: Tensor, weight_KC: Tensor, bias_C: Tensor, y_NC: Tensor) -> None:
        """`x_NC` may be columns of a wider buffer."""
        args = self._args(x_NC, weight_KC, bias_C)
        assert y_NC.shape == x_NC.shape
        args.y = Columns.of(y_NC)
        self._run("packed_conv", args, len(x_NC))

    def back(
        self, met: tuple[Tensor, Tensor, Tensor], d_y_NC: Tensor,
        d_x_NC: Tensor, d_weight_KC: Tensor, d_bias_C: Tensor,
    ) -> None:  # fmt: skip
        """`met`: inputs, weight and bias as `forth` had them. Adds to the last two."""
        args = self._args(*met)
        for told, like in zip((d_x_NC, d_weight_KC, d_bias_C), met, strict=True):
            assert told.shape == like.shape
        assert d_y_NC.shape == d_x_NC.shape
        assert d_weight_KC.dtype == d_bias_C.dtype == torch.float32
        args.d_y, args.d_x = Columns.of(d_y_NC), Columns.of(d_x_NC)
        args.d_weight, args.d_bias = pointer(d_weight_KC), pointer(d_bias_C)
        self._run("packed_conv_back", args, len(d_y_NC))

    def _args(self, x_NC: Tensor, weight_KC: Tensor, bias_C: Tensor) -> PackedConvArgs:
        tokens, channels = x_NC.shape
        taps = len(weight_KC)
        assert channels % LANES == 0
        assert 0 < taps <= MAX_TAPS
        assert weight_KC.shape == (taps, channels)
        assert bias_C.shape == (channels,)
        assert weight_KC.dtype == bias_C.dtype == torch.float32
        check_spans(self.spans_S2, tokens)
        return PackedConvArgs(
            x=Columns.of(x_NC), weight=pointer(weight_KC), bias=pointer(bias_C),
            spans=pointer(self.spans_S2), documents=len(self.spans_S2), channels=channels, taps=taps,
        )  # fmt: skip

    def _run(self, function: str, args: PackedConvArgs, tokens: int) -> None:
        program = Program(self.library, self.threads)
        program.add("packed_conv", args, function=function)
        program.run(Step(tokens=tokens))


def check_spans(spans_S2: Tensor, tokens: int) -> int:
    """Asserts that they lie in so many tokens; the longest."""
    assert spans_S2.dtype == torch.int64
    assert spans_S2.shape == (len(spans_S2), 2)
    if not len(spans_S2):
        return 0
    lengths_S = spans_S2[:, 1] - spans_S2[:, 0]
    assert lengths_S.min() >= 0
    assert spans_S2.min() >= 0
    assert spans_S2.max() <= tokens
    return int(lengths_S.max())
