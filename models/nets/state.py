"""What a mixer keeps of the past: so many numbers a token, in pages, or so many a sequence, in a slot.

Sizes only. The memory planner, the pools and the cache policy all take them from here.

Shape letters: K key heads, D head width, W convolution window less one, C convolution channels, N state,
I inner channels, H heads, P channels of a head.
"""

from dataclasses import dataclass
from math import prod

from secretariat.models.nets.config import AttentionSpec, DecoderConfig, Mamba1Spec, Mamba2Spec, MixerSpec

PAGE_SIZE = 16


@dataclass(frozen=True, slots=True)
class StateSpec:
    """`per_token`: numbers of keys and values a token. `conv` [W, C] and `recurrent` [N, I] or [H, P, N]: the
    float32 arrays of one sequence, empty for attention."""

    per_token: int = 0
    conv: tuple[int, ...] = ()
    recurrent: tuple[int, ...] = ()

    @property
    def per_sequence(self) -> int:
        return sum(prod(shape) for shape in (self.conv, self.recurrent) if shape)


def state_of(mixer: MixerSpec) -> StateSpec:
    match mixer:
        case AttentionSpec():
            return StateSpec(per_token=2 * mixer.kv_heads * mixer.head_dim)
        case Mamba1Spec():
            return StateSpec(conv=(mixer.conv - 1, mixer.inner), recurrent=(mixer.state, mixer.inner))
        case Mamba2Spec():
            return StateSpec(
                conv=(mixer.conv - 1, mixer.conv_width),
                recurrent=(mixer.heads, mixer.head_dim, mixer.state),
            )


def kv_bytes_per_token(config: DecoderConfig, itemsize: int) -> int:
    """Over all layers. `itemsize`: 2 for bfloat16, 4 for float32."""
    return sum(state_of(spec).per_token for _, _, spec in config.attentions()) * itemsize


def state_bytes(config: DecoderConfig) -> int:
    """Live float32 state of one sequence, over all layers."""
    return sum(state_of(spec).per_sequence for _, _, spec in config.recurrences()) * 4
