"""A plan as one StepBatch through the network, and its outcome as commits.

Knows no sampling and no queues.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from secretariat.models.engine.pages import pages_for
from secretariat.models.engine.scheduler import Piece
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.network import Commit, Network


class Runner:
    def __init__(self, network: Network) -> None:
        self._network = network

    def run(self, plan: Sequence[Piece]) -> Tensor:
        """Logits [rows, vocab] float32 of all pieces, one piece after the other, valid until the next run."""
        return self._network.forward(batch_of(plan))

    def commit(self, outcome: Sequence[tuple[Piece, int]]) -> None:
        """How many tokens of each piece turned out to be true: held states follow them."""
        commits = [Commit(piece.generation.slot, tokens) for piece, tokens in outcome if piece.held]
        if commits:
            self._network.commit(commits)


def batch_of(plan: Sequence[Piece]) -> StepBatch:
    tokens: list[int] = []
    wanted: list[int] = []
    runs: list[Run] = []
    for piece in plan:
        tokens.extend(piece.tokens)
        wanted.extend(range(len(tokens) - piece.rows, len(tokens)))
        runs.append(_run(piece))
    return StepBatch(np.array(tokens, np.int32), tuple(runs), np.array(wanted, np.int32))


def _run(piece: Piece) -> Run:
    generation = piece.generation
    return Run(
        start=piece.start,
        count=piece.count,
        pages=generation.pages.array[: pages_for(piece.start + piece.count)],
        slot=generation.slot,
        held=piece.held,
        adapter=generation.row_at(piece.start),
    )
