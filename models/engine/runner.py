"""A plan as one StepBatch through the decoder.

Knows no sampling and no queues.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from secretariat.models.engine.pages import PAGE_SIZE
from secretariat.models.engine.scheduler import Piece
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.kv import KVPool


class Runner:
    def __init__(self, decoder: Decoder, pages: int) -> None:
        self._decoder = decoder
        self._kv = KVPool(decoder.config, pages, PAGE_SIZE, decoder.dtype)

    def run(self, plan: Sequence[Piece]) -> Tensor:
        """Logits [pieces that want them, vocab] in float32, in the plan's order."""
        logits_MV: Tensor = self._decoder(batch_of(plan), self._kv)
        return logits_MV


def batch_of(plan: Sequence[Piece]) -> StepBatch:
    tokens: list[int] = []
    starts, wanted = [0], []
    for piece in plan:
        tokens.extend(piece.generation.tokens[piece.start : piece.end])
        starts.append(len(tokens))
        if piece.wants_logits:
            wanted.append(len(tokens) - 1)
    return StepBatch(
        tokens_N=torch.tensor(tokens, dtype=torch.int64),
        positions_N=torch.cat([torch.arange(piece.start, piece.end) for piece in plan]),
        slots_N=torch.cat([piece.generation.slots[piece.start : piece.end] for piece in plan]),
        q_starts=tuple(starts),
        context_slots=tuple(piece.generation.slots[: piece.end] for piece in plan),
        logits_rows=torch.tensor(wanted, dtype=torch.int64),
    )
