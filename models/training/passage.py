"""What every mixer of one pass over packed rows reads besides its input: where documents begin, and rotations.

Shape letters: B rows, T places, N = B * T, W window, S sinks.
"""

from dataclasses import dataclass, field

from torch import Tensor

from secretariat.models.nets.config import RopeSpec
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.rotary import Rotation
from secretariat.models.training.packing import Rows, Span


@dataclass(frozen=True)
class Passage:
    """Made once for a batch. `masks`: of windows, by length, window and sinks."""

    rotations: dict[RopeSpec, Rotation]
    positions_BT: Tensor
    documents_BT: Tensor
    spans: tuple[Span, ...]
    masks: dict[tuple[int, int, int], Tensor] = field(default_factory=dict)

    @staticmethod
    def of(decoder: Decoder, rows: Rows) -> "Passage":
        positions_BT = rows.positions_BT.to(decoder.device)
        return Passage(
            decoder.rotations(positions_BT.flatten()),
            positions_BT,
            rows.documents_BT.to(decoder.device),
            rows.spans,
        )
