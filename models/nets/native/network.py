"""A decoder that runs as compiled operations on the CPU: a Network whose bits depend on nothing but its inputs.

Knows nothing of requests beyond the runs of a step, and nothing of sampling.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from torch import Tensor

from secretariat.models.kernels.library import Library, Program, Step
from secretariat.models.kernels.linear.packing import Form, Packed
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.native.adapters import NativeAdapters
from secretariat.models.nets.native.builder import Builder, pack_weight
from secretariat.models.nets.native.layers import add_decoder, matrices
from secretariat.models.nets.native.steps import StepArrays
from secretariat.models.nets.network import Arithmetic, Commit
from secretariat.models.nets.weights import Weights


class NativeNetwork:
    """Packs the weights when made; lays out its two programs when its memory is known.

    `form` None keeps each matrix close to how it is stored. `exact` False lets operations that have a faster
    arithmetic use it. `adapters`: what to make room for; the rows are then set through the attribute of that name.
    `packed`: the matrices of an earlier network of the same weights and form.
    """

    def __init__(
        self,
        config: DecoderConfig,
        weights: Weights,
        library: Library,
        *,
        threads: int,
        form: Form | None = None,
        step_tokens: int = 256,
        exact: bool = True,
        adapters: AdapterPlan | None = None,
        packed: dict[str, Packed] | None = None,
    ) -> None:
        self.config = config
        self.step_tokens = step_tokens
        self.adapters = None if adapters is None else NativeAdapters(adapters)
        self._weights: Weights | None = weights
        self._form = form
        self._packed = _packed(config, weights, form) if packed is None else packed
        self._exact = exact
        self._arrays = StepArrays(step_tokens, exact=exact)
        self._program, self._commits = Program(library, threads), Program(library, threads)
        self._memory: Memory | None = None
        self._logits_MV: Tensor | None = None
        self._held: dict[int, int] = {}

    @property
    def memory(self) -> Memory:
        assert self._memory is not None, "allocate first"
        return self._memory

    @property
    def packed(self) -> Mapping[str, Packed]:
        """The matrices by name, as they are multiplied by."""
        return self._packed

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(
            backend="native",
            isa=self._program.library.isa.name,
            threads=self._program.threads,
            weights="+".join(sorted({packed.form for packed in self._packed.values()})),
            exact=self._exact,
        )

    def allocate(self, size: MemorySize) -> None:
        assert self._weights is not None, "allocated before"
        self._memory = Memory(self.config, replace(size, run=self.step_tokens))
        builder = Builder(
            self._program, self._weights, self._memory, self.step_tokens, self._form, self.adapters,
            self._packed,
        )  # fmt: skip
        self._logits_MV = add_decoder(builder, self._commits, self.config)
        self._weights = None

    def forward(self, batch: StepBatch) -> Tensor:
        """As of the Protocol; the logits are overwritten by the next step."""
        assert self._logits_MV is not None, "allocate first"
        self._check(batch)
        self._held = {run.slot: run.count for run in batch.runs if run.held}
        self._program.run(self._arrays.fill(batch, self.memory), self._arrays.ring_pages)
        return self._logits_MV[: len(batch.logits_M)]

    def _check(self, batch: StepBatch) -> None:
        """What would read or write memory that isn't the run's."""
        tokens_N, size = batch.tokens_N, self.memory.size
        assert 0 < len(tokens_N) <= self.step_tokens
        assert 0 <= tokens_N.min() <= tokens_N.max() < self.config.vocab, (
            "a token that isn't in the vocabulary"
        )
        assert sum(run.count for run in batch.runs) == len(tokens_N)
        assert self.adapters is not None or not any(run.adapter for run in batch.runs), "no adapters"
        assert all(run.count <= size.held for run in batch.runs if run.held)
        if self.config.has_state:
            slots = [run.slot for run in batch.runs if run.slot]
            assert len(set(slots)) == len(slots), "two runs of one state"
            assert all(slot <= size.slots for slot in slots)
            assert all(run.start == 0 for run in batch.runs if not run.slot), "a past without a slot"
        assert self.memory.ring is None or all(run.slot for run in batch.runs), "a window without a slot"

    def commit(self, commits: Sequence[Commit]) -> None:
        some = [commit for commit in commits if commit.tokens]
        held, self._held = self._held, {}
        if not (some and self.config.has_state):
            return
        assert all(commit.tokens <= held.get(commit.slot, 0) for commit in some), "was not held"
        slots = np.array([commit.slot for commit in some], dtype=np.int32)
        starts = np.cumsum([0, *(commit.tokens for commit in some)], dtype=np.int32)
        step = Step(tokens=int(starts[-1]), runs=len(some), exact=self._exact)
        step.slots, step.starts = slots.ctypes.data, starts.ctypes.data
        self._commits.run(step)


def _packed(config: DecoderConfig, weights: Weights, form: Form | None) -> dict[str, Packed]:
    """Two at a time: most of it is copying that numpy does without Python's lock."""
    names = list(matrices(config))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(lambda name: pack_weight(weights, name, form), names), strict=True))
