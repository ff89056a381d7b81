"""Long texts read by a network from an empty past, and how well each next token was foreseen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Network
from secretariat.models.nets.state import PAGE_SIZE


class Reader:
    """One sequence of up to `length` tokens at a time, in steps, keys and values in bfloat16."""

    def __init__(self, net: Network, length: int) -> None:
        each = -(-length // PAGE_SIZE)
        net.allocate(MemorySize(pages=each, slots=1, kv_dtype=torch.bfloat16))
        self.net = net
        self._pages = np.arange(each, dtype=np.int32)
        self._slot = 1 if net.config.has_state else 0

    def losses(self, tokens: Sequence[int], first: int) -> npt.NDArray[np.float64]:
        """Minus the log-probabilities, in nats, of tokens `first` … of the text."""
        wanted = torch.tensor(tokens[first:])
        logits = self._logits(tokens, first)
        return -logits.log_softmax(dim=-1).gather(1, wanted[:, None])[:, 0].double().numpy()

    def foresaw(self, tokens: Sequence[int], last: int) -> bool:
        """Is each of the `last` tokens the likeliest after those before it? So would greedy decoding have said."""
        likeliest = self._logits(tokens, len(tokens) - last).argmax(dim=-1)
        return bool((likeliest == torch.tensor(tokens[-last:])).all())

    def _logits(self, tokens: Sequence[int], first: int) -> torch.Tensor:
        """Rows that foresee tokens `first` and after."""
        ids, step = np.asarray(tokens[:-1], np.int32), self.net.step_tokens
        found = []
        for start in range(0, len(ids), step):
            piece = ids[start : start + step]
            rows = np.arange(max(0, first - 1 - start), len(piece), dtype=np.int32)
            run = Run(start, len(piece), self._pages, self._slot)
            logits = self.net.forward(StepBatch(piece, (run,), rows))
            if len(rows):
                found.append(logits.clone())
        return torch.cat(found)
