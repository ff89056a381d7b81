"""The decoder stack: embedding, pre-norm layers, final norm, output head.

Knows nothing of requests beyond the rows of a StepBatch, and nothing of sampling.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from secretariat.models.kernels.quantised_linear.cpu import Kernel
from secretariat.models.kernels.quantised_linear.reference import PackedRows
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import DecoderConfig, LayerSpec
from secretariat.models.nets.feedforward.mlp import Mlp
from secretariat.models.nets.kv import KVPool
from secretariat.models.nets.linear import Linear
from secretariat.models.nets.mixers.attention import Attention, AttentionPlan
from secretariat.models.nets.norm import RMSNorm
from secretariat.models.nets.rotary import Rotation, rotation


class DecoderLayer(nn.Module):
    def __init__(self, config: DecoderConfig, spec: LayerSpec) -> None:
        super().__init__()
        self.mixer_norm = RMSNorm(config.width, config.norm_eps)
        self.mixer = Attention(config.width, spec.mixer)
        self.feed_forward_norm = RMSNorm(config.width, config.norm_eps)
        self.feed_forward = Mlp(config.width, spec.feed_forward)

    def forward(
        self, x_NE: Tensor, by: Rotation, plan: AttentionPlan, keys_SKD: Tensor, values_SKD: Tensor
    ) -> Tensor:
        x_NE = x_NE + self.mixer(self.mixer_norm(x_NE), by, plan, keys_SKD, values_SKD)
        out_NE: Tensor = x_NE + self.feed_forward(self.feed_forward_norm(x_NE))
        return out_NE


class Decoder(nn.Module):
    """Build on the meta device and fill with `load_state_dict(…, assign=True)`; weights are never trained."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.width)
        self.layers = nn.ModuleList(DecoderLayer(config, spec) for spec in config.layers)
        self.norm = RMSNorm(config.width, config.norm_eps)
        self.head = Linear(config.width, config.vocab)
        self.requires_grad_(requires_grad=False)

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype

    def pack(self, rows: Mapping[str, PackedRows], kernel: Kernel) -> None:
        """Lets the layers named multiply few rows by packed weights; they must equal the dense ones."""
        for name, packed in rows.items():
            layer = self.get_submodule(name)
            assert isinstance(layer, Linear), name
            layer.pack(packed, kernel)

    @torch.inference_mode()
    def forward(self, batch: StepBatch, kv: KVPool) -> Tensor:
        """Logits [len(batch.logits_rows), vocab] in float32. Writes this step's keys and values to `kv`."""
        plan = AttentionPlan.of(batch, self.dtype)
        rotations: dict[tuple[int, float], Rotation] = {}
        x_NE = self.embedding(batch.tokens_N)
        for layer, spec, keys_SKD, values_SKD in zip(
            self.layers, self.config.layers, kv.keys, kv.values, strict=True
        ):
            key = (spec.mixer.head_dim, spec.mixer.rope_theta)
            if key not in rotations:
                rotations[key] = rotation(batch.positions_N, *key, self.dtype)
            x_NE = layer(x_NE, rotations[key], plan, keys_SKD, values_SKD)
        logits_MV: Tensor = self.head(self.norm(x_NE[batch.logits_rows]))
        return logits_MV.float()
