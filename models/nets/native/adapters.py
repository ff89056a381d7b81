"""Adapters in a program: what follows a matrix product where a step's runs may carry one.

A product that an SVF basis covers is scaled before it reaches the residual, so it takes a buffer of its own; the
base model's rows come out of it unchanged. Where nobody carries an adapter only the plain product runs.

Shape letters: A rows of adapters and the base model, X numbers of a vector, N tokens, R directions.
"""

from collections import defaultdict

import torch
from torch import Tensor

from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import Program
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import pack
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

    def scales(self, matrix: str) -> bool:
        """Whether its product may be scaled, so that it mustn't be added to anything first."""
        return matrix in self._directions

    def follow(
        self,
        program: Program,
        matrix: str,
        x_NI: Tensor,
        y_NO: Tensor,
        *,
        add: float,
        into: Tensor | None = None,
    ) -> None:
        """After y = add · W x, or y += add · W x where `scales(matrix)` is false.

        `into`: y is W x, and add · y is to be added there in the end, whoever carries an adapter or not.
        """
        if self.plan.rank:
            table = LoraTable(self.plan.rows + 1, self.plan.pieces, self.plan.rank)
            self._tables[matrix] = table
            with program.only_adapted():
                add_lora(program, x_NI, y_NO, table, add=add if into is None else 1.0)
        if matrix in self._directions:
            self._weigh(program, matrix, x_NI, y_NO, add, into)

    def _weigh(
        self, program: Program, matrix: str, x_NI: Tensor, y_NO: Tensor, add: float, into: Tensor | None
    ) -> None:
        directions = self._directions[matrix]
        down_RI = torch.cat([part.v_IR.T for _, part in directions]).contiguous()
        t_NR = torch.zeros(len(x_NI), len(down_RI))
        parts = [Part(offset, part.first, part.count, len(part.sigma_R)) for offset, part in directions]
        with program.only_adapted():
            add_linear(program, pack(Values(down_RI.numpy()), "q8"), x_NI, t_NR)
        add_svf(program, y_NO, t_NR, self._vectors_AX, parts, into=into, add=add)
        target_NO, first = y_NO if into is None else into, 0
        with program.only_adapted():
            for _, part in directions:
                up_OR = pack(Values(part.u_OR.contiguous().numpy()), "q8")
                rank = len(part.sigma_R)
                columns_NO = target_NO[:, part.first : part.first + part.count]
                add_linear(program, up_OR, t_NR[:, first : first + rank], columns_NO, add=add)
                first += rank

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
