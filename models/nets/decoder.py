"""The decoder stack."""

from torch import Tensor, nn

from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.kv import KVPool


class Decoder(nn.Module):
    """Embedding, layers, final norm, output head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, batch: StepBatch, kv: KVPool) -> Tensor:
        """Logits [len(batch.logits_rows), vocab] in float32. Writes this step's keys and values to `kv`."""
        raise NotImplementedError
