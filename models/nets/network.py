"""The seam between engine and arithmetic. The torch decoder and the compiled CPU program stand behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from secretariat.models.nets.adapters import AdapterRows
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.memory import Memory, MemorySize


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What an answer's numbers depend on: all of it belongs into the record of an answer.

    `exact`: logits don't depend on batch, chunks, cache, preemption or speculation, bit for bit, for this
    `backend`, `isa`, `threads` and `weights` (the form the matrices are held in).
    """

    backend: str
    isa: str
    threads: int
    weights: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """Advance the state of `slot` by the first `tokens` of its last held run."""

    slot: int
    tokens: int


class Network(Protocol):
    """A decoder with its memory. One thread at a time.

    Each `forward` writes the keys and values of its tokens to their pages (also of held runs: pages are simply
    overwritten by whatever comes at that position next) and advances the states of runs that aren't held.
    """

    @property
    def config(self) -> DecoderConfig: ...

    @property
    def memory(self) -> Memory:
        """Raises AssertionError before `allocate`."""
        ...

    @property
    def arithmetic(self) -> Arithmetic: ...

    @property
    def adapters(self) -> AdapterRows | None:
        """Where it makes room for adapters."""
        ...

    @property
    def step_tokens(self) -> int:
        """The most tokens of one step."""
        ...

    def allocate(self, size: MemorySize) -> None:
        """Once, before the first step."""
        ...

    def forward(self, batch: StepBatch) -> Tensor:
        """Logits [M, vocab], float32 on the CPU. They may lie in a buffer that the next step overwrites."""
        ...

    def commit(self, commits: Sequence[Commit]) -> None:
        """After a step with held runs and before the next step. 0 tokens: the state stays as it was."""
        ...
