"""The shape of a network as data. A decoder is a list of layers, each a mixer and a feed-forward.

Knows nothing of checkpoints: `checkpoints/` translates foreign configurations into these.
"""

from dataclasses import dataclass
from typing import Literal

DType = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class AttentionSpec:
    """Grouped-query attention with rotary embedding of the half-split kind."""

    heads: int
    kv_heads: int
    head_dim: int
    rope_theta: float

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads or self.head_dim % 2:
            raise ValueError(
                f"{self.heads} heads over {self.kv_heads} key heads of {self.head_dim} do not divide"
            )

    @property
    def group(self) -> int:
        return self.heads // self.kv_heads


@dataclass(frozen=True, slots=True)
class MlpSpec:
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    hidden: int


@dataclass(frozen=True, slots=True)
class LayerSpec:
    mixer: AttentionSpec
    feed_forward: MlpSpec


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    vocab: int
    width: int
    layers: tuple[LayerSpec, ...]
    norm_eps: float
    context_length: int
    tied_embeddings: bool


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """A BERT encoder whose token states are mean-pooled and scaled to unit length."""

    vocab: int
    width: int
    layers: int
    heads: int
    hidden: int
    positions: int
    token_types: int
    norm_eps: float

    @property
    def head_dim(self) -> int:
        return self.width // self.heads
