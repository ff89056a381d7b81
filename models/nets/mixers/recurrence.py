"""What the mixers with a state share: where the state lives, and when it moves.

A mixer gives only `scan`: outputs and new state from inputs and state. Which sequences begin from zeros, which
are held and what a refused draft leaves behind is decided here, once for all kinds.

Shape letters: N tokens, B runs, T tokens of each, U numbers a token that the state depends on, I inner channels,
W convolution window less one, C convolution channels.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from secretariat.models.nets.memory import Memory
from secretariat.models.nets.mixers.step import Group, Held, Step
from secretariat.models.nets.norm import wide

State = tuple[Tensor, Tensor]  # conv [B, W, C] and recurrent [B, …]


class Recurrence(nn.Module, ABC):
    """The `index`-th mixer with a state: it owns the `index`-th pools of conv and recurrent states."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    @abstractmethod
    def scan(self, inputs_BTU: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs [B, T, I] before any gate, and the state after the last token. Leaves `state` as it is."""

    def through(self, inputs_NU: Tensor, step: Step) -> Tensor:
        """Outputs [N, I] of all runs; moves their states, or remembers by what held ones would have moved."""
        outputs = []
        for group in step.groups:
            inputs_BTU = inputs_NU[group.rows_BT]
            y_BTI, state = self.scan(inputs_BTU, self._read(group, step.memory, inputs_NU.dtype))
            if group.held:
                step.held.append(Held(self.index, group, inputs_BTU))
            else:
                self._write(group, step.memory, state)
            outputs.append(y_BTI.flatten(0, 1))
        y_NI = torch.empty_like(torch.cat(outputs))
        y_NI[torch.cat([group.rows_BT.flatten() for group in step.groups])] = torch.cat(outputs)
        return y_NI

    def advance(self, inputs_BTU: Tensor, group: Group, memory: Memory) -> None:
        """Moves the states of `group` by tokens that were held back."""
        _, state = self.scan(inputs_BTU, self._read(group, memory, inputs_BTU.dtype))
        self._write(group, memory, state)

    def _read(self, group: Group, memory: Memory, dtype: torch.dtype) -> State:
        conv, recurrent = (
            pool[self.index]
            .index_select(0, group.slots_B)
            .to(wide(dtype))
            .masked_fill_(group.fresh_B.view(-1, *(1,) * (pool[self.index].dim() - 1)), 0)
            for pool in (memory.conv, memory.recurrent)
        )
        return conv, recurrent

    def _write(self, group: Group, memory: Memory, state: State) -> None:
        for pool, part in zip((memory.conv, memory.recurrent), state, strict=True):
            pool[self.index][group.slots_B] = part.to(pool[self.index].dtype)


class ShortConvolution(nn.Module):
    """A causal filter along time for each channel, then SiLU. Its state is the last inputs."""

    def __init__(self, channels: int, taps: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, taps), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(channels), requires_grad=False) if bias else None

    def forward(self, x_BTC: Tensor, last_BWC: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [B, T, C] in the dtype of the state, and the new state [B, W, C]."""
        tokens = x_BTC.shape[1]
        seen_BSC = torch.cat((last_BWC, x_BTC.to(last_BWC.dtype)), dim=1)
        weight_CK = self.weight.to(seen_BSC.dtype)
        y_BTC = sum(seen_BSC[:, k : k + tokens] * weight_CK[:, k] for k in range(weight_CK.shape[1]))
        assert isinstance(y_BTC, Tensor)
        if self.bias is not None:
            y_BTC = y_BTC + self.bias.to(y_BTC.dtype)
        return nn.functional.silu(y_BTC), seen_BSC[:, tokens:]
