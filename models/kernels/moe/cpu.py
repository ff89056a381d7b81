"""The compiled operations' arguments, checked here because they read raw pointers."""

import ctypes
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from secretariat.models.kernels.columns import Columns
from secretariat.models.kernels.glu.reference import Activation
from secretariat.models.kernels.library import Program, pointer
from secretariat.models.kernels.linear.cpu import MatrixArgs, laid_bytes, matrix_args
from secretariat.models.kernels.linear.packing import LANES, Packed
from secretariat.models.kernels.moe.reference import Routing

MAX_EXPERTS, MAX_TOP = 1024, 64
_SCORES = ("softmax", "sigmoid", "softmax_top")
_ACTIVATIONS = ("silu", "relu2", "gelu", "gelu_tanh")


class ChoiceArgs(ctypes.Structure):
    """Mirrors `Choice` of route.h."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("chosen", "weights", "row", "token", "first")),
        ("experts", ctypes.c_int32),
        ("top", ctypes.c_int32),
    ]


class RouteArgs(ctypes.Structure):
    _fields_ = [
        ("logits", Columns),
        ("bias", ctypes.c_void_p),
        ("choice", ChoiceArgs),
        ("score", ctypes.c_int32),
        ("renormalise", ctypes.c_int32),
        *((name, ctypes.c_float) for name in ("power", "eps", "scale")),
    ]


class ExpertsArgs(ctypes.Structure):
    _fields_ = [
        ("choice", ChoiceArgs),
        ("gate_up", MatrixArgs),
        ("down", MatrixArgs),
        ("x", Columns),
        ("y", Columns),
        *((name, ctypes.c_void_p) for name in ("hidden", "outputs", "scratch")),
        ("activation", ctypes.c_int32),
        ("add", ctypes.c_int32),
        ("factor", ctypes.c_float),
    ]


class SharedArgs(ctypes.Structure):
    _fields_ = [
        ("gate_up", Columns),
        ("gate", ctypes.c_void_p),
        ("hidden", ctypes.c_int32),
        ("activation", ctypes.c_int32),
    ]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the tokens of a step chose: experts and weights [N, K], best first; and the choices sorted by expert:
    the row of each [N, K], the token of each row [N * K], the first row of each expert [X + 1]."""

    chosen_NK: Tensor
    weights_NK: Tensor
    row_NK: Tensor
    token_R: Tensor
    first: Tensor

    @classmethod
    def of(cls, tokens: int, experts: int, top: int) -> "Choice":
        shape, ints = (tokens, top), torch.int32
        return cls(
            torch.zeros(shape, dtype=ints), torch.zeros(shape), torch.zeros(shape, dtype=ints),
            torch.zeros(tokens * top, dtype=ints), torch.zeros(experts + 1, dtype=ints),
        )  # fmt: skip

    @property
    def experts(self) -> int:
        return len(self.first) - 1

    @property
    def args(self) -> ChoiceArgs:
        tensors = (self.chosen_NK, self.weights_NK, self.row_NK, self.token_R, self.first)
        return ChoiceArgs(*map(pointer, tensors), self.experts, self.chosen_NK.shape[1])


def add_route(program: Program, logits_NX: Tensor, select_bias_X: Tensor | None, routing: Routing) -> Choice:
    """Chooses for each of the step's tokens by its logits. The result is filled when the program runs."""
    tokens, experts = logits_NX.shape
    assert experts <= MAX_EXPERTS, f"{experts} experts"
    assert 0 < routing.top <= min(experts, MAX_TOP), f"{routing.top} of {experts} experts"
    assert select_bias_X is None or select_bias_X.shape == (experts,)
    power = routing.renormalise
    assert power is None or (power > 0 and isfinite(power)), f"a norm of {power}"
    choice = Choice.of(tokens, experts, routing.top)
    args = RouteArgs(
        Columns.of(logits_NX), None if select_bias_X is None else pointer(select_bias_X), choice.args,
        _SCORES.index(routing.score), power is not None, power or 1.0, routing.eps, routing.scale,
    )  # fmt: skip
    program.add("moe", args, function="moe_route", keep=(logits_NX, select_bias_X, choice))
    return choice


def add_experts(
    program: Program,
    choice: Choice,
    gate_up: Packed,
    down: Packed,
    x_NE: Tensor,
    y_NE: Tensor,
    hidden_RG: Tensor,
    outputs_RE: Tensor,
    *,
    activation: Activation,
    add: float | None = None,
) -> None:
    """y = Σ w · expert(x) over the chosen, or y += add · that sum.

    `gate_up` holds 2 X matrices [F, E], gate and up of each expert in turn, `down` X matrices [E, F].
    `hidden_RG` [N * K, 2 F] and `outputs_RE` [N * K, E] are scratch.
    """
    width, hidden, rows = x_NE.shape[1], down.inputs, len(choice.token_R)
    assert (gate_up.matrices, down.matrices) == (2 * choice.experts, choice.experts)
    assert (gate_up.outputs, gate_up.inputs, down.outputs) == (hidden, width, width)
    assert y_NE.shape == x_NE.shape
    assert hidden_RG.shape == (rows, 2 * hidden)
    assert outputs_RE.shape == (rows, width)
    laid = rows + min(rows, choice.experts) * LANES
    scratch = program.scratch(max(laid_bytes(gate_up, laid), laid_bytes(down, laid)))
    args = ExpertsArgs(
        choice.args, matrix_args(gate_up), matrix_args(down), Columns.of(x_NE), Columns.of(y_NE),
        *map(pointer, (hidden_RG, outputs_RE, scratch)), _ACTIVATIONS.index(activation), add is not None,
        1.0 if add is None else add,
    )  # fmt: skip
    keep = (choice, gate_up, down, x_NE, y_NE, hidden_RG, outputs_RE, scratch)
    program.add("moe", args, function="moe_experts", keep=keep)


def add_shared_activation(
    program: Program, gate_up_NG: Tensor, gate_N1: Tensor | None, *, activation: Activation
) -> Tensor:
    """Of an expert that every token passes: act(gate) · up, times the sigmoid of `gate_N1` where there is one.

    Takes the place of the first half of `gate_up_NG`, which is returned [N, F].
    """
    hidden = gate_up_NG.shape[1] // 2
    assert gate_N1 is None or gate_N1.shape == (len(gate_up_NG), 1)
    gate = None if gate_N1 is None else pointer(gate_N1)
    args = SharedArgs(Columns.of(gate_up_NG), gate, hidden, _ACTIVATIONS.index(activation))
    program.add("moe", args, function="moe_shared", keep=(gate_up_NG, gate_N1))
    return gate_up_NG[:, :hidden]
