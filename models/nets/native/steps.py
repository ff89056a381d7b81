"""A step's arrays as the compiled operations read them, written in place from one step to the next.

Shape letters: N tokens, R runs, M rows whose logits are wanted.
"""

import numpy as np

from secretariat.models.kernels.library import Step
from secretariat.models.nets.batch import Ints, Run, StepBatch
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.state import PAGE_SIZE

_PAGES = 1 << 12  # room to begin with


class StepArrays:
    """Room for `tokens` tokens, and as many runs."""

    def __init__(self, tokens: int, *, exact: bool) -> None:
        self.step = Step(exact=exact)
        self._ids = self._room("ids", tokens)
        self._positions = self._room("positions", tokens)
        self._run_of = self._room("run_of", tokens)
        self._rows = self._room("rows", tokens)
        self._starts = self._room("starts", tokens + 1)
        self._begins = self._room("begins", tokens)
        self._page_starts = self._room("page_starts", tokens + 1)
        self._pages = self._room("pages", _PAGES)
        self._rings: Ints = np.zeros(_PAGES, np.int32)
        self._slots = self._room("slots", tokens)
        self._held = self._room("held", tokens)
        self._adapters = self._room("adapters", tokens)

    def _room(self, name: str, size: int) -> Ints:
        array = np.zeros(size, dtype=np.int32)
        setattr(self.step, name, array.ctypes.data)
        return array

    @property
    def ring_pages(self) -> int:
        """Address of the pages that windowed attentions read, which lie in the slots: laid out as `pages`."""
        return self._rings.ctypes.data

    def fill(self, batch: StepBatch, memory: Memory) -> Step:
        """The step that `batch` describes, until the next call."""
        count, wanted = len(batch.tokens_N), len(batch.logits_M)
        self._ids[:count] = batch.tokens_N
        self._rows[:wanted] = batch.logits_M
        at = 0
        for index, run in enumerate(batch.runs):
            self._write(index, run, at)
            if memory.ring is not None:
                first, end = self._page_starts[index : index + 2]
                self._rings[first:end] = memory.ring_pages(run.slot, end - first)
            at += run.count
        self.step.tokens, self.step.runs, self.step.wanted = count, len(batch.runs), wanted
        return self.step

    def _write(self, index: int, run: Run, at: int) -> None:
        end = at + run.count
        self._positions[at:end] = (
            range(run.start, run.end) if run.count < 8 else np.arange(run.start, run.end)
        )
        self._run_of[at:end] = index
        self._starts[index + 1] = end
        self._begins[index] = run.start
        self._slots[index] = run.slot
        self._held[index] = run.held
        self._adapters[index] = run.adapter
        used = -(-run.end // PAGE_SIZE)
        first = int(self._page_starts[index])
        self._page_starts[index + 1] = first + used
        if first + used > len(self._pages):
            self._grow(first + used)
        self._pages[first : first + used] = run.pages[:used]

    def _grow(self, size: int) -> None:
        before = self._pages
        self._pages = self._room("pages", 2 * size)
        self._pages[: len(before)] = before
        self._rings = np.concatenate([self._rings, np.zeros(2 * size - len(before), np.int32)])
