"""The compiled operation's arguments and its table of adapters.

Shape letters: N tokens, I inputs, O outputs, R rank, K experts chosen for a token.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from secretariat.models.kernels.library import Program, pointer, rows_pointer

_LANES = 16


class _Piece(ctypes.Structure):
    _fields_ = [
        ("down", ctypes.c_void_p),
        ("up", ctypes.c_void_p),
        ("rank", ctypes.c_int32),
        ("first", ctypes.c_int32),
        ("count", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


class LoraArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "y", "scratch", "table")),
        *((name, ctypes.c_int64) for name in ("x_width", "y_width")),
        *((name, ctypes.c_int32) for name in ("inputs", "pieces", "most_rank")),
        ("add", ctypes.c_float),
    ]


class ChosenArgs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "y", "scratch", "table", "chosen", "weights")),
        *((name, ctypes.c_int64) for name in ("x_width", "y_width")),
        *((name, ctypes.c_int32) for name in ("inputs", "pieces", "most_rank", "top")),
        ("add", ctypes.c_float),
    ]


@dataclass(frozen=True, slots=True)
class Low:
    """`down_RI` and `up_OR` (with the scale) for output rows `first` … `first + O` of a matrix."""

    first: int
    down_RI: Tensor
    up_OR: Tensor


class LoraTable:
    """For one matrix: what each of `adapters` rows adds, in at most `pieces` row ranges of rank `most_rank`.

    Row 0 is the base model and stays empty. Rows may be set while no step runs.
    """

    def __init__(self, adapters: int, pieces: int, most_rank: int) -> None:
        self.pieces = pieces
        self.most_rank = -(-most_rank // _LANES) * _LANES
        self._adapters = adapters
        self._rows = (_Piece * (adapters * pieces))()
        self._kept: dict[int, list[Tensor]] = {}

    @property
    def address(self) -> int:
        return ctypes.addressof(self._rows)

    def set(self, adapter: int, lows: Sequence[Low]) -> None:
        """Raises ValueError for a rank or a number of pieces above what the table was made for."""
        if not 0 < adapter < self._adapters:
            raise ValueError(f"adapter row {adapter} of {self._adapters}")
        if len(lows) > self.pieces or any(len(low.down_RI) > self.most_rank for low in lows):
            raise ValueError(f"at most {self.pieces} pieces of rank {self.most_rank} fit")
        self.clear(adapter)
        kept = self._kept.setdefault(adapter, [])
        for index, low in enumerate(lows):
            down_IR, up_RO = _padded(low.down_RI.T), _padded(low.up_OR.T)
            kept += [down_IR, up_RO]
            rank, count = len(low.down_RI), len(low.up_OR)
            piece = _Piece(pointer(down_IR), pointer(up_RO), rank, low.first, count, 0)
            self._rows[adapter * self.pieces + index] = piece

    def clear(self, adapter: int) -> None:
        for index in range(self.pieces):
            self._rows[adapter * self.pieces + index] = _Piece()
        self._kept.pop(adapter, None)


def _padded(matrix: Tensor) -> Tensor:
    """float32 with the last dimension filled up to whole lanes."""
    missing = -matrix.shape[1] % _LANES
    return torch.nn.functional.pad(matrix.float(), (0, missing)).contiguous()


def add_lora(program: Program, x_NI: Tensor, y_NO: Tensor, table: LoraTable, *, add: float = 1.0) -> None:
    """y += add · B (A x), row by row with the adapter of the row's run. Rows of x and y may lie apart."""
    assert len(x_NI) == len(y_NO)
    scratch = program.scratch(len(x_NI) * table.pieces * table.most_rank * 4)
    args = LoraArgs(
        rows_pointer(x_NI), rows_pointer(y_NO), pointer(scratch), table.address,
        x_NI.stride(0), y_NO.stride(0), x_NI.shape[1], table.pieces, table.most_rank, add,
    )  # fmt: skip
    program.add("lora", args, keep=(x_NI, y_NO, scratch, table))


def add_chosen_lora(
    program: Program,
    chosen_NK: Tensor,
    weights_NK: Tensor,
    x_NI: Tensor,
    y_NO: Tensor,
    table: LoraTable,
    *,
    add: float = 1.0,
) -> None:
    """y += add · Σ w B (A x) over each token's choices: int32, expert e is row e + 1 of `table`."""
    tokens, top = chosen_NK.shape
    assert len(x_NI) == len(y_NO) == tokens
    assert (chosen_NK.dtype, weights_NK.dtype) == (torch.int32, torch.float32)
    assert weights_NK.shape == chosen_NK.shape
    scratch = program.scratch(tokens * top * table.pieces * table.most_rank * 4)
    args = ChosenArgs(
        rows_pointer(x_NI), rows_pointer(y_NO), pointer(scratch), table.address,
        pointer(chosen_NK), pointer(weights_NK), x_NI.stride(0), y_NO.stride(0), x_NI.shape[1], table.pieces,
        table.most_rank, top, add,
    )  # fmt: skip
    keep = (chosen_NK, weights_NK, x_NI, y_NO, scratch, table)
    program.add("lora", args, function="lora_chosen", keep=keep)
