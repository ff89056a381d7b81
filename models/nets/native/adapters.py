"""Adapters in a program: what becomes of a matrix product where a step's runs may carry one.

A product that an SVF basis covers is one operation with its directions; what a LoRA adds follows a product. Where
nobody carries an adapter only the plain product runs, and the base model's rows have its bits in any company.

Shape letters: A rows of adapters and the base model, X numbers of a vector, N tokens, R directions.
"""

from collections import defaultdict

import torch
from torch import Tensor

from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.packing import LANES, Packed, pack
from secretariat.models.kernels.lora.cpu import LoraTable, Low, add_lora
from secretariat.models.kernels.svf.cpu import Part, add_svf
from secretariat.models.nets.adapters import (
    Adapter,
    AdapterPlan,
    Directions,
    SvfVector,
    basis_of,
    by_matrix,
    check_rank,
    check_row,
)
from secretariat.models.nets.weights import Values


class NativeAdapters:
    """The adapter rows of one NativeNetwork. `follow` lays out what a matrix needs; rows may be set later."""

    def __init__(self, plan: AdapterPlan) -> None:
        self.plan = plan
        self._tables: dict[str, LoraTable] = {}
        self._directions: dict[str, list[tuple[int, Directions]]] = defaultdict(list)
        offset = 0
        factors: list[int] = []
        for part in plan.basis.directions if plan.basis else ():
            self._directions[part.matrix].append((offset, part))
            factors.append(offset)
            offset += 1 + len(part.sigma_R)
        self._base_X = torch.zeros(offset)
        self._base_X[factors] = 1.0
        self._vectors_AX = self._base_X.repeat(plan.rows + 1, 1)

    def weighs(self, matrix: str) -> bool:
        """Whether the basis covers it: `weigh` then takes the place of its product."""
        return matrix in self._directions

    def weigh(
        self,
        program: Program,
        matrix: str,
        packed: Packed,
        x_NI: Tensor,
        y_NO: Tensor,
        *,
        bias: Tensor | None = None,
        add: float | None = None,
        scale: float = 1.0,
    ) -> None:
        """y = scale · (W' x + b), or y += add · (W' x + b), with W' as the token's vector has it."""
        directions = self._directions[matrix]
        down_RI = torch.cat([part.v_IR.T for _, part in directions])
        parts = [Part(offset, part.first, part.count, _up(part)) for offset, part in directions]
        add_svf(
            program, packed, _pack(down_RI), parts, self._vectors_AX, x_NI, y_NO,
            bias=bias, add=add, scale=scale,
        )  # fmt: skip

    def follow(self, program: Program, matrix: str, x_NI: Tensor, y_NO: Tensor, *, add: float) -> None:
        """After y = add · W x, or y += add · W x."""
        if self.plan.rank:
            table = LoraTable(self.plan.rows + 1, self.plan.pieces, self.plan.rank)
            self._tables[matrix] = table
            with program.only_adapted():
                add_lora(program, x_NI, y_NO, table, add=add)

    def set(self, row: int, adapter: Adapter) -> None:
        """Raises ModelError adapter_invalid for one that doesn't fit."""
        check_row(self.plan, row)
        if isinstance(adapter, SvfVector):
            numbers_X = torch.from_numpy(adapter.row(basis_of(self.plan)))
            self.clear(row)
            self._vectors_AX[row] = numbers_X
            return
        check_rank(self.plan, adapter)
        pieces = by_matrix(adapter)
        if unknown := pieces.keys() - self._tables.keys():
            raise ModelError("adapter_invalid", f"{adapter.name}: no matrix {min(unknown)} takes adapters")
        self.clear(row)
        for matrix, lows in pieces.items():
            self._tables[matrix].set(row, [Low(low.first, low.down_RI, low.up_OR) for low in lows])

    def clear(self, row: int) -> None:
        self._vectors_AX[row] = self._base_X
        for table in self._tables.values():
            table.clear(row)


def _up(part: Directions) -> Packed:
    """Below rows of zeros, so that a panel of it has the columns of a panel of the product."""
    return _pack(torch.nn.functional.pad(part.u_OR, (0, 0, part.first % LANES, 0)))


def _pack(matrix: Tensor) -> Packed:
    return pack(Values(matrix.contiguous().numpy()), "q8")
