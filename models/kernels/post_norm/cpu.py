"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.linear.cpu import MatrixArgs, matrix_args
from secretariat.models.kernels.linear.packing import LANES, Packed

_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Biased:
    """A matrix [O, I] with its bias [O]."""

    weight: Packed
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


class PostProductArgs(ctypes.Structure):
    _fields_ = [
        ("w", MatrixArgs),
        *((name, ctypes.c_void_p) for name in ("bias", "x", "y")),
        ("norm", LayerNormArgs),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes", ctypes.c_int64),
    ]


class PostFeedForwardArgs(ctypes.Structure):
    _fields_ = [
        ("up", MatrixArgs),
        ("down", MatrixArgs),
        *((name, ctypes.c_void_p) for name in ("up_bias", "down_bias", "y")),
        ("norm", LayerNormArgs),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes", ctypes.c_int64),
    ]


def add_post_product(program: Program, by: Biased, x_NI: Tensor, y_NE: Tensor, norm: LayerNorm) -> None:
    """y = LayerNorm(y + x Wᵀ + b). `x` and `y` must not overlap."""
    _check(by, x_NI.shape[1], y_NE.shape[1])
    assert x_NI.dtype == torch.float32
    args = PostProductArgs(
        w=matrix_args(by.weight), bias=pointer(by.bias_O), x=pointer(x_NI), y=pointer(y_NE),
        norm=_norm_args(norm, y_NE),
    )  # fmt: skip
    _add(program, "post_product", args, (by, x_NI, y_NE, norm))


def add_post_feed_forward(program: Program, up: Biased, down: Biased, y_NE: Tensor, norm: LayerNorm) -> None:
    """y = LayerNorm(y + down(gelu(up(y))))"""
    _check(up, y_NE.shape[1], down.weight.inputs)
    _check(down, up.weight.outputs, y_NE.shape[1])
    assert up.weight.outputs % LANES == 0
    args = PostFeedForwardArgs(
        up=matrix_args(up.weight), down=matrix_args(down.weight),
        up_bias=pointer(up.bias_O), down_bias=pointer(down.bias_O), y=pointer(y_NE),
        norm=_norm_args(norm, y_NE),
    )  # fmt: skip
    _add(program, "post_feed_forward", args, (up, down, y_NE, norm))


def _check(by: Biased, inputs: int, outputs: int) -> None:
    weight = by.weight
    assert weight.form in {"q8", "bfloat16"}
    assert (weight.matrices, weight.inputs, weight.outputs) == (1, inputs, outputs)
    assert by.bias_O.shape == (outputs,)
    assert by.bias_O.dtype == torch.float32


def _norm_args(norm: LayerNorm, y_NE: Tensor) -> LayerNormArgs:
    assert y_NE.dtype == norm.weight_E.dtype == norm.bias_E.dtype == torch.float32
    assert norm.weight_E.shape == norm.bias_E.shape == y_NE.shape[1:]
    return LayerNormArgs(pointer(norm.weight_E), pointer(norm.bias_E), norm.eps)


def _add(
    program: Program, function: str, args: PostProductArgs | PostFeedForwardArgs, keep: tuple[object, ...]
) -> None:
    size = getattr(program.library.open("post_norm"), f"{function}_bytes")
    size.restype = ctypes.c_int64
    args.scratch_bytes = size(ctypes.byref(args))
    scratch = program.scratch(program.threads * args.scratch_bytes + _ALIGNMENT)
    args.scratch = -(-pointer(scratch) // _ALIGNMENT) * _ALIGNMENT
    program.add("post_norm", args, function=function, keep=(*keep, scratch))
