"""What a mixer keeps of the past: so many numbers a token, in pages, or so many a sequence, in a slot.

Sizes and places only. The memory planner, the pools and the cache policy all take them from here.

Shape letters: K key heads, D head width, W convolution window less one, C convolution channels, N state,
I inner channels, H heads, P channels of a head.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from secretariat.models.nets.batch import Ints
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


@dataclass(frozen=True, slots=True)
class Ring:
    """Where a slot keeps what its windowed attentions see: the sequence's first `fixed` pages, which hold the
    sinks, and those behind in turn.

    A run writes all of its tokens before its first one looks back, and a held run may be refused: the `turning`
    pages take a window and the longest run together, so what is written over is out of every window to come.
    """

    window: int
    fixed: int
    turning: int

    @property
    def pages(self) -> int:
        return self.fixed + self.turning

    @property
    def kept(self) -> int:
        """The most pages that tokens to come see."""
        return self.fixed + (self.window - 1 + PAGE_SIZE - 2) // PAGE_SIZE + 1

    def seen(self, tokens: int) -> list[slice]:
        """Places of the pages that tokens to come after so many will see, in their order in the sequence."""
        end = -(-tokens // PAGE_SIZE)
        first = max(self.fixed, (tokens - self.window + 1) // PAGE_SIZE)
        pages = [*range(min(self.fixed, end)), *range(first, end)]
        places: list[int] = self.places(np.array(pages, np.int32)).tolist()
        starts = [i for i, place in enumerate(places) if i == 0 or place != places[i - 1] + 1]
        bounds = pairwise([*starts, len(places)])
        return [slice(places[i], places[j - 1] + 1) for i, j in bounds]

    def places(self, pages: Ints) -> Ints:
        """Of the sequence's pages, each among those of its slot."""
        turned = self.fixed + (pages - self.fixed) % self.turning
        return np.where(pages < self.fixed, pages, turned).astype(np.int32)


def ring_of(config: DecoderConfig, run_tokens: int) -> Ring | None:
    """For runs of at most so many tokens, one for all windowed attentions; None without any."""
    specs = [spec for _, _, spec in config.attentions() if config.is_local(spec)]
    if not specs:
        return None
    window = max(spec.window or 0 for spec in specs)
    fixed = max(-(-spec.sinks // PAGE_SIZE) for spec in specs)
    return Ring(window, fixed, turning=-(-(window - 1 + run_tokens) // PAGE_SIZE))


def kv_bytes_per_token(config: DecoderConfig, itemsize: int) -> int:
    """Of what lies in pages, over all layers. `itemsize`: 2 for bfloat16, 4 for float32."""
    return _per_token(config, local=False) * itemsize


def state_bytes(config: DecoderConfig) -> int:
    """Live float32 state of one sequence, over all layers."""
    return sum(state_of(spec).per_sequence for _, _, spec in config.recurrences()) * 4


def ring_bytes(config: DecoderConfig, itemsize: int, run_tokens: int) -> int:
    """Of what windowed attentions keep in one slot, over all layers."""
    ring = ring_of(config, run_tokens)
    return 0 if ring is None else ring.pages * _local_page_bytes(config, itemsize)


def window_bytes(config: DecoderConfig, itemsize: int) -> int:
    """Of what an idle sequence keeps of that."""
    ring = ring_of(config, 1)
    return 0 if ring is None else ring.kept * _local_page_bytes(config, itemsize)


def _local_page_bytes(config: DecoderConfig, itemsize: int) -> int:
    return _per_token(config, local=True) * itemsize * PAGE_SIZE


def _per_token(config: DecoderConfig, *, local: bool) -> int:
    specs = [spec for _, _, spec in config.attentions() if config.is_local(spec) == local]
    return sum(state_of(spec).per_token for spec in specs)
