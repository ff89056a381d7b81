"""Adapters for the torch decoder, as hooks on its matrix products.

Shape letters: N tokens of the step, A rows of adapters, R rank or directions, O outputs.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from secretariat.models.nets.adapters import (
    Adapter,
    AdapterPlan,
    Directions,
    LowRank,
    SvfVector,
    basis_of,
    by_matrix,
    check_rank,
    check_row,
)


class TorchAdapters:
    """`rows_N` is set before each forward: the adapter row of each token. Row 0 is the base model."""

    def __init__(self, decoder: nn.Module, plan: AdapterPlan) -> None:
        self.plan = plan
        self.rows_N = torch.zeros(0, dtype=torch.int64)
        self._decoder = decoder
        self._low: dict[str, dict[int, list[LowRank]]] = defaultdict(dict)
        self._gains: dict[int, Tensor] = {}
        self._directions: dict[str, list[tuple[int, Directions]]] = defaultdict(list)
        offset = 0
        for part in plan.basis.directions if plan.basis else ():
            self._directions[part.matrix].append((offset, part))
            offset += 1 + len(part.sigma_R)
        for name, module in decoder.named_modules():
            if isinstance(module, nn.Linear):
                module.register_forward_hook(self._hook(name))

    def set(self, row: int, adapter: Adapter) -> None:
        """Raises ModelError adapter_invalid."""
        check_row(self.plan, row)
        self.clear(row)
        if isinstance(adapter, SvfVector):
            self._gains[row] = torch.from_numpy(adapter.row(basis_of(self.plan)))
            return
        check_rank(self.plan, adapter)
        for matrix, pieces in by_matrix(adapter).items():
            self._low[matrix][row] = list(pieces)

    def clear(self, row: int) -> None:
        self._gains.pop(row, None)
        for rows in self._low.values():
            rows.pop(row, None)

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor | None]:
        def hook(_: nn.Module, inputs: tuple[Any, ...], y_NO: Tensor) -> Tensor | None:
            if not bool(self.rows_N.any()) or len(y_NO) != len(self.rows_N):
                return None
            return self._adapted(name, inputs[0], y_NO.clone())

        return hook

    def _adapted(self, name: str, x_NI: Tensor, y_NO: Tensor) -> Tensor:
        for row, pieces in self._low[name].items():
            tokens = (self.rows_N == row).nonzero().flatten()
            for piece in pieces:
                added = x_NI[tokens] @ piece.down_RI.to(x_NI).T @ piece.up_OR.to(x_NI).T
                y_NO[tokens, piece.first : piece.first + added.shape[1]] += added
        for offset, part in self._directions[name]:
            for row, numbers in self._gains.items():
                tokens = (self.rows_N == row).nonzero().flatten()
                gains_R = numbers[offset + 1 : offset + 1 + len(part.sigma_R)].to(x_NI)
                columns = slice(part.first, part.first + part.count)
                mixed = (x_NI[tokens] @ part.v_IR.to(x_NI) * gains_R) @ part.u_OR.to(x_NI).T
                y_NO[tokens, columns] = y_NO[tokens, columns] * float(numbers[offset]) + mixed
        return y_NO
