"""What every mixer of one pass over packed rows reads besides its input: where documents begin, and rotations.

Shape letters: B rows, T places, N = B * T, W window, S sinks.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from secretariat.models.nets.config import RopeSpec
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.rotary import Rotation
from secretariat.models.training.carrying import Carried, Pieces
from secretariat.models.training.packing import Rows, Span


@dataclass(frozen=True)
class Passage:
    """Made once for a batch. `masks`: of windows, by length, window and sinks. `pieces`: of documents that go on
    from what was read before."""

    rotations: dict[RopeSpec, Rotation]
    positions_BT: Tensor
    documents_BT: Tensor
    spans: tuple[Span, ...]
    masks: dict[tuple[int, int, int], Tensor] = field(default_factory=dict)
    pieces: Pieces | None = None

    @cached_property
    def places_S2(self) -> Tensor:
        """Of each document, in all rows end to end: the first place, and the one behind the last."""
        row_tokens = self.positions_BT.shape[1]
        places = [(row * row_tokens + start, row * row_tokens + stop) for row, start, stop in self.spans]
        return torch.tensor(places).view(-1, 2)

    @staticmethod
    def of(decoder: Decoder, rows: Rows, carried: Carried | None = None) -> "Passage":
        """With `carried` the documents, of one row, go on from what was read before."""
        positions_BT = rows.positions_BT.to(decoder.device)
        rotations = decoder.rotations(positions_BT.flatten())
        return Passage(
            rotations,
            positions_BT,
            rows.documents_BT.to(decoder.device),
            rows.spans,
            pieces=None if carried is None else Pieces(rows.spans, rotations, carried),
        )
