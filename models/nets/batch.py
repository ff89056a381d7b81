"""One step's work for a decoder: the flattened tokens of several requests and where their keys live.

Knows nothing of how pages are allotted or which request is whose.

Shape letters: N tokens of the step, R requests, L keys of one request.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class StepBatch:
    """N tokens of R requests, laid end to end.

    `tokens_N` int64 ids. `positions_N` int64, the absolute position of each token in its request.
    `slots_N` int64, the physical KV slot (page * page_size + offset) each token's key and value go to.
    `q_starts` R + 1 offsets into N. `context_slots` for each request the int64 slots of all its
    tokens up to and including this step, in order. `logits_rows` int64 rows of N whose logits are wanted.
    """

    tokens_N: Tensor
    positions_N: Tensor
    slots_N: Tensor
    q_starts: tuple[int, ...]
    context_slots: tuple[Tensor, ...]
    logits_rows: Tensor

    @property
    def requests(self) -> int:
        return len(self.context_slots)

    def query_length(self, request: int) -> int:
        return self.q_starts[request + 1] - self.q_starts[request]
