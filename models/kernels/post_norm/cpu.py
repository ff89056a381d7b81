"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.linear.cpu import MatrixArgs, matrix_args
from secretariat.models.kernels.linear.packing import LANES, Packed
from secretariat.models.kernels.u8_linear.cpu import U8MatrixArgs, u8_matrix_args
from secretariat.models.kernels.u8_linear.packing import U8Packed

_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Biased:
    """A matrix [O, I] with its bias [O]."""

    weight: Packed | U8Packed
    bias_O: Tensor


@dataclass(frozen=True, slots=True)
class LayerNorm:
    weight_E: Tensor
    bias_E: Tensor
    eps: float


class LayerNormArgs(ctypes.Structure):
    _fields_ = [
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("eps", ctypes.c_float),
        ("unused", ctypes.c_int32),
    ]


_AnyMatrixArgs = type[MatrixArgs | U8MatrixArgs]
_END = (("norm", LayerNormArgs), ("scratch", ctypes.c_void_p), ("scratch_bytes", ctypes.c_int64))


def _product_fields(matrix: _AnyMatrixArgs) -> list[tuple[str, type]]:
    return [("w", matrix), *((name, ctypes.c_void_p) for name in ("bias", "x", "y")), *_END]


def _feed_forward_fields(matrix: _AnyMatrixArgs) -> list[tuple[str, type]]:
    pointers = ((name, ctypes.c_void_p) for name in ("up_bias", "down_bias", "y"))
    return [("up", matrix), ("down", matrix), *pointers, *_END]


class PostProductArgs(ctypes.Structure):
    _fields_ = _product_fields(MatrixArgs)


class PostProductU8Args(ctypes.Structure):
    _fields_ = _product_fields(U8MatrixArgs)


class PostFeedForwardArgs(ctypes.Structure):
    _fields_ = _feed_forward_fields(MatrixArgs)


class PostFeedForwardU8Args(ctypes.Structure):
    _fields_ = _feed_forward_fields(U8MatrixArgs)


_Args = PostProductArgs | PostProductU8Args | PostFeedForwardArgs | PostFeedForwardU8Args


def add_post_product(program: Program, by: Biased, x_NI: Tensor, y_NE: Tensor, norm: LayerNorm) -> None:
    """y = LayerNorm(y + x Wᵀ + b). `x` and `y` must not overlap."""
    _check(by, x_NI.shape[1], y_NE.shape[1])
    assert x_NI.dtype == torch.float32
    function, struct = (
        ("post_product_u8", PostProductU8Args) if _in_u8(by) else ("post_product", PostProductArgs)
    )
    args = struct(
        w=_matrix(by), bias=pointer(by.bias_O), x=pointer(x_NI), y=pointer(y_NE),
        norm=_norm_args(norm, y_NE),
    )  # fmt: skip
    _add(program, function, args, (by, x_NI, y_NE, norm))


def add_post_feed_forward(program: Program, up: Biased, down: Biased, y_NE: Tensor, norm: LayerNorm) -> None:
    """y = LayerNorm(y + down(gelu(up(y))))"""
    _check(up, y_NE.shape[1], down.weight.inputs)
    _check(down, up.weight.outputs, y_NE.shape[1])
    assert up.weight.outputs % LANES == 0
    assert _in_u8(up) == _in_u8(down)
    function, struct = (
        ("post_feed_forward_u8", PostFeedForwardU8Args)
        if _in_u8(up)
        else ("post_feed_forward", PostFeedForwardArgs)
    )
    args = struct(
        up=_matrix(up), down=_matrix(down),
        up_bias=pointer(up.bias_O), down_bias=pointer(down.bias_O), y=pointer(y_NE),
        norm=_norm_args(norm, y_NE),
    )  # fmt: skip
    _add(program, function, args, (up, down, y_NE, norm))


def _check(by: Biased, inputs: int, outputs: int) -> None:
    weight = by.weight
    assert isinstance(weight, U8Packed) or (weight.form, weight.matrices) == ("bfloat16", 1)
    assert (weight.inputs, weight.outputs) == (inputs, outputs)
    assert by.bias_O.shape == (outputs,)
    assert by.bias_O.dtype == torch.float32


def _in_u8(by: Biased) -> bool:
    return isinstance(by.weight, U8Packed)


def _matrix(by: Biased) -> MatrixArgs | U8MatrixArgs:
    return u8_matrix_args(by.weight) if isinstance(by.weight, U8Packed) else matrix_args(by.weight)


def _norm_args(norm: LayerNorm, y_NE: Tensor) -> LayerNormArgs:
    assert y_NE.dtype == norm.weight_E.dtype == norm.bias_E.dtype == torch.float32
    assert norm.weight_E.shape == norm.bias_E.shape == y_NE.shape[1:]
    return LayerNormArgs(pointer(norm.weight_E), pointer(norm.bias_E), norm.eps)


def _add(program: Program, function: str, args: _Args, keep: tuple[object, ...]) -> None:
    size = getattr(program.library.open("post_norm"), f"{function}_bytes")
    size.restype = ctypes.c_int64
    args.scratch_bytes = size(ctypes.byref(args))
    scratch = program.scratch(program.threads * args.scratch_bytes + _ALIGNMENT)
    args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
    program.add("post_norm", args, function=function, keep=(*keep, scratch))
