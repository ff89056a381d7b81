"""One step's batch as tensors on the network's device. Built once, read by every layer.

Knows no weights. Runs of equally many tokens form a group, so that mixers work on rectangles: all decoding
sequences at once, a long prompt by itself.

Shape letters: N tokens of the step, M rows whose logits are wanted, B runs of a group, T tokens of each,
Q pages of the longest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from secretariat.models.nets.batch import Ints, Run, StepBatch
from secretariat.models.nets.config import RopeSpec
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.rotary import Rotation
from secretariat.models.nets.state import PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Group:
    """`pages_BQ` is padded with page 0 behind the pages of shorter sequences; `rings_BQ` are those of windowed
    attentions that keep theirs in slots. `fresh_B`: begins from zeros."""

    runs: tuple[Run, ...]
    rows_BT: Tensor
    pages_BQ: Tensor
    rings_BQ: Tensor
    slots_B: Tensor
    fresh_B: Tensor

    @property
    def held(self) -> bool:
        return self.runs[0].held

    def only(self, index: int) -> "Group":
        """The group of its `index`-th run alone."""
        own = slice(index, index + 1)
        return Group(
            self.runs[own], self.rows_BT[own], self.pages_BQ[own], self.rings_BQ[own], self.slots_B[own],
            self.fresh_B[own],
        )  # fmt: skip

    def on_rings(self) -> "Group":
        """With the pages of windowed attentions in the place of the others."""
        return replace(self, pages_BQ=self.rings_BQ)


@dataclass(frozen=True, slots=True)
class Held:
    """`advance` moves one part's states of `group` by the inputs [B, T, …] that a step held back."""

    advance: Callable[[Tensor, Group, Memory], None]
    group: Group
    inputs_BTU: Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """`page_N`, or `ring_N`, and `offset_N`: where each token's keys and values go. Layers append to `held`."""

    memory: Memory
    tokens_N: Tensor
    positions_N: Tensor
    page_N: Tensor
    ring_N: Tensor
    offset_N: Tensor
    logits_M: Tensor
    groups: tuple[Group, ...]
    rotations: dict[RopeSpec, Rotation] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)

    @staticmethod
    def of(batch: StepBatch, memory: Memory) -> "Step":
        gathered = _gathered(batch)
        positions_N = batch.positions_N
        own = [np.arange(run.start, run.end) // PAGE_SIZE for run in batch.runs]
        page_N, ring_N = (
            np.concatenate([tables[at] for tables, at in zip(both, own, strict=True)])
            for both in zip(*(_tables(run, memory) for run in batch.runs), strict=True)
        )
        per_token = (batch.tokens_N, positions_N, page_N, ring_N, positions_N % PAGE_SIZE)
        per_group = [array for group in gathered for array in group.arrays(memory)]
        moved = _moved([*per_token, batch.logits_M, *per_group], memory.device)
        tokens_N, positions_on_N, page_on_N, ring_on_N, offset_N, logits_M = moved[:6]
        groups = [
            Group(group.runs, rows_BT, pages_BQ, rings_BQ, slots_B, fresh_B.bool())
            for group, rows_BT, pages_BQ, rings_BQ, slots_B, fresh_B in zip(
                gathered, *(moved[first::5] for first in range(6, 11)), strict=True
            )
        ]
        return Step(memory, tokens_N, positions_on_N, page_on_N, ring_on_N, offset_N, logits_M, tuple(groups))


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A group before it moves: its runs and the row at which each begins."""

    runs: tuple[Run, ...]
    firsts: tuple[int, ...]

    def arrays(self, memory: Memory) -> list[npt.NDArray[np.int64]]:
        """Rows, pages, pages of rings, slots and freshness, in the order of `Group`."""
        rows_BT = np.array(self.firsts)[:, None] + np.arange(self.runs[0].count)
        tables = [_tables(run, memory) for run in self.runs]
        pages_2BQ = np.zeros((2, len(self.runs), max(len(pages) for pages, _ in tables)), np.int64)
        for index, both in enumerate(tables):
            for rows_BQ, table in zip(pages_2BQ, both, strict=True):
                rows_BQ[index, : len(table)] = table
        return [
            rows_BT,
            *pages_2BQ,
            np.array([run.slot for run in self.runs]),
            np.array([run.start == 0 for run in self.runs]).astype(np.int64),
        ]


def _tables(run: Run, memory: Memory) -> tuple[Ints, Ints]:
    """Pages of its tokens, and the same of windowed attentions that keep theirs in its slot."""
    used = -(-run.end // PAGE_SIZE)
    pages = run.pages[:used]
    return pages, pages if memory.ring is None else memory.ring_pages(run.slot, used)


def _gathered(batch: StepBatch) -> list[_Gathered]:
    groups: dict[tuple[int, bool], list[tuple[Run, int]]] = {}
    for run, first in zip(batch.runs, batch.starts[:-1].tolist(), strict=True):
        groups.setdefault((run.count, run.held), []).append((run, first))
    return [_Gathered(*zip(*members, strict=True)) for members in groups.values()]


def _moved(arrays: Sequence[npt.NDArray[np.integer]], device: str) -> list[Tensor]:
    """All of them as int64 on the device, in one copy."""
    flat = torch.from_numpy(np.concatenate([array.ravel() for array in arrays]).astype(np.int64)).to(device)
    parts = torch.split_with_sizes(flat, [array.size for array in arrays])
    return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]
