"""One step's work for a network: the flattened tokens of several sequences and where their past lives.

Knows nothing of how pages and slots are allotted or which request is whose.

Shape letters: N tokens of the step, M rows whose logits are wanted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens `start` … `start + count` of one sequence.

    `pages`: physical pages of at least its first start + count tokens. `slot`: its recurrent state; 0 is the null
    slot of a sequence without any. A run with start 0 begins from zeros whatever its slot holds. `held`: the
    states are read but not advanced, for drafts that may be refused; `Network.commit` advances them.
    `adapter`: row of the network's adapter table, 0 for none.
    """

    start: int
    count: int
    pages: Ints
    slot: int = 0
    held: bool = False
    adapter: int = 0

    @property
    def end(self) -> int:
        return self.start + self.count


@dataclass(frozen=True, slots=True)
class StepBatch:
    """`tokens_N` ids of all runs laid end to end; `logits_M` rows of N whose logits are wanted, ascending."""

    tokens_N: Ints
    runs: tuple[Run, ...]
    logits_M: Ints

    @property
    def starts(self) -> Ints:
        """R + 1 offsets of the runs in N."""
        return np.cumsum([0, *(run.count for run in self.runs)], dtype=np.int32)

    @property
    def positions_N(self) -> Ints:
        return np.concatenate([np.arange(run.start, run.end, dtype=np.int32) for run in self.runs])
