"""What the mixers with a state share: where the state lives, and when it moves.

A part with a state gives only `scan`: outputs and new state from inputs and state. Which sequences begin from
zeros, which are held and what a refused draft leaves behind is decided here, once for all kinds. Everything that
needs no state is done outside, for all tokens of a step at once.

Shape letters: N tokens, B runs, T tokens of each, U numbers a token that go in, O that come out,
W convolution window less one, C convolution channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secretariat.models.nets.memory import Memory
from secretariat.models.nets.mixers.step import Group, Held, Step
from secretariat.models.nets.norm import wide


class Recurrence(nn.Module, ABC):
    """A part of the `index`-th mixer with a state."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    @abstractmethod
    def pool(self, memory: Memory) -> Tensor:
        """The states of all slots."""

    @abstractmethod
    def scan(self, inputs_BTU: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [B, T, O] and the states after the last token. Leaves `state`, [B, …], as it is."""

    def through(self, inputs_NU: Tensor, step: Step) -> Tensor:
        """Outputs [N, O] of all runs; moves their states, or remembers by what held ones would have moved."""
        outputs = []
        for group in step.groups:
            inputs_BTU = inputs_NU[group.rows_BT]
            y_BTO, state = self.scan(inputs_BTU, self._read(group, step.memory, inputs_NU.dtype))
            if group.held:
                step.held.append(Held(self.advance, group, inputs_BTU))
            else:
                self._write(group, step.memory, state)
            outputs.append(y_BTO.flatten(0, 1))
        grouped_NO = torch.cat(outputs)
        y_NO = torch.empty_like(grouped_NO)
        y_NO[torch.cat([group.rows_BT.flatten() for group in step.groups])] = grouped_NO
        return y_NO

    def advance(self, inputs_BTU: Tensor, group: Group, memory: Memory) -> None:
        """Moves the states of `group` by tokens that were held back."""
        _, state = self.scan(inputs_BTU, self._read(group, memory, inputs_BTU.dtype))
        self._write(group, memory, state)

    def _read(self, group: Group, memory: Memory, dtype: torch.dtype) -> Tensor:
        state = self.pool(memory).index_select(0, group.slots_B).to(wide(dtype))
        return state.masked_fill_(group.fresh_B.view(-1, *(1,) * (state.dim() - 1)), 0)

    def _write(self, group: Group, memory: Memory, state: Tensor) -> None:
        pool = self.pool(memory)
        pool[group.slots_B] = state.to(pool.dtype)


Through = Callable[[Recurrence, Tensor], Tensor]
"""Outputs [N, O] of a part for its inputs [N, U]."""


class ShortConvolution(Recurrence):
    """A causal filter along time for each channel, then SiLU. Its state is the last inputs."""

    def __init__(self, channels: int, taps: int, index: int, *, bias: bool) -> None:
        super().__init__(index)
        self.weight = nn.Parameter(torch.empty(channels, taps), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(channels), requires_grad=False) if bias else None

    def pool(self, memory: Memory) -> Tensor:
        return memory.conv[self.index]

    def scan(self, inputs_BTU: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs [B, T, C] are also the state's, [B, W, C]; outputs in its dtype."""
        tokens = inputs_BTU.shape[1]
        seen_BSC = torch.cat((state, inputs_BTU.to(state.dtype)), dim=1)
        weight_CK = self.weight.to(state.dtype)
        y_BTC = seen_BSC[:, :tokens] * weight_CK[:, 0]
        for tap in range(1, weight_CK.shape[1]):
            y_BTC = y_BTC + seen_BSC[:, tap : tap + tokens] * weight_CK[:, tap]
        if self.bias is not None:
            y_BTC = y_BTC + self.bias.to(state.dtype)
        return F.silu(y_BTC), seen_BSC[:, tokens:]
