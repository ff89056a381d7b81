"""Steps of texts that lie one after the other."""

from collections.abc import Sequence

import numpy as np

from secretariat.models.kernels.library import Step


class Runs:
    """`ids`: of all tokens, where the operation reads them."""

    def __init__(self, lengths: Sequence[int], ids: Sequence[int] = ()) -> None:
        self.starts = np.cumsum([0, *lengths], dtype=np.int32)
        self._ids = np.array(ids, dtype=np.int32)
        self._positions = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
        self.step = Step(tokens=int(self.starts[-1]), runs=len(lengths), exact=1)
        self.step.starts, self.step.ids = self.starts.ctypes.data, self._ids.ctypes.data
        self.step.positions = self._positions.ctypes.data

    def slices(self) -> list[slice]:
        return [slice(*pair) for pair in zip(self.starts.tolist(), self.starts[1:].tolist(), strict=False)]
