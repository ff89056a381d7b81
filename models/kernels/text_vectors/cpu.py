"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.post_norm.cpu import LayerNorm


class TextRowsArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("words", "positions", "weight", "bias", "x")),
        ("width", ctypes.c_int32),
        ("eps", ctypes.c_float),
    ]


class UnitVectorsArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "texts", "tokens")),
        ("width", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


def add_text_rows(
    program: Program, words_VE: Tensor, positions_TE: Tensor, x_NE: Tensor, norm: LayerNorm
) -> None:
    """x = LayerNorm(words[ids] + positions[position]) for the step's tokens, whose ids and positions the caller
    has checked against both tables."""
    width = x_NE.shape[1]
    tensors = (words_VE, positions_TE, norm.weight_E, norm.bias_E, x_NE)
    assert all(tensor.dtype == torch.float32 and tensor.shape[-1] == width for tensor in tensors)
    args = TextRowsArgs(*map(pointer, tensors), width, norm.eps)
    program.add("text_vectors", args, function="text_rows", keep=tensors)


def add_unit_vectors(
    program: Program, x_NE: Tensor, texts_RE: Tensor, tokens_NE: Tensor | None = None
) -> None:
    """Of each run the direction of its rows' mean, in the first rows of `texts`; that of each row in `tokens`,
    float16. Unit vectors; zeros have none and stay zeros."""
    assert x_NE.dtype == texts_RE.dtype == torch.float32
    assert x_NE.shape[1] == texts_RE.shape[1]
    if tokens_NE is not None:
        assert tokens_NE.dtype == torch.float16
        assert tokens_NE.shape == x_NE.shape
    tokens = None if tokens_NE is None else pointer(tokens_NE)
    args = UnitVectorsArgs(pointer(x_NE), pointer(texts_RE), tokens, x_NE.shape[1])
    program.add("text_vectors", args, function="unit_vectors", keep=(x_NE, texts_RE, tokens_NE))
