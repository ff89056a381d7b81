"""Where a foreign module's output rows lie in our matrices, and on which tokens an adapter acts.

Module names are those of Hugging Face checkpoints: they say the layer by number and the matrix by its last part.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Acts
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    FeedForwardSpec,
    LowRankMoeSpec,
    Mamba1Spec,
    Mamba2Spec,
    MixerSpec,
    MlpSpec,
)

_LAYER = re.compile(r"(?:^|\.)(?:layers|blocks|h)\.(\d+)\.(?:.*\.)?(\w+)$")


@dataclass(frozen=True, slots=True)
class Place:
    """Rows `first` … `first + count` of one of our matrices, named without `.weight`."""

    matrix: str
    first: int
    count: int
    inputs: int


def acting(name: str, told: object) -> Acts:
    """As a file tells it. Raises ModelError adapter_invalid."""
    if told == "always" or told == "question" or told == "answer":  # noqa: PLR1714 - as a type checker reads it
        return told
    raise ModelError(
        "adapter_invalid", f"{name}: acts is {told!r}, not always, question or answer", param="adapter"
    )


def place_of(module: str, config: DecoderConfig) -> Place | None:
    """None where the network has no such matrix."""
    found = _LAYER.search(module)
    if found is None or int(found[1]) >= len(config.layers):
        return None
    return dict(_places(int(found[1]), config)).get(found[2])


def mixer_matrices(layer: int, config: DecoderConfig) -> set[str]:
    """Ours, of that layer's mixers: what an adapter of the whole model is expected to touch."""
    return {place.matrix for _, place in _places(layer, config) if ".mixers." in place.matrix}


def _places(layer: int, config: DecoderConfig) -> Iterator[tuple[str, Place]]:
    spec = config.layers[layer]
    for index, mixer in enumerate(spec.mixers):
        yield from _mixer(f"layers.{layer}.mixers.{index}", mixer, config.width)
    if spec.feed_forward is not None:
        yield from _feed_forward(f"layers.{layer}.feed_forward", spec.feed_forward, config.width)


def _mixer(name: str, mixer: MixerSpec, width: int) -> Iterator[tuple[str, Place]]:
    match mixer:
        case AttentionSpec():
            queries, keys = mixer.heads * mixer.head_dim, mixer.kv_heads * mixer.head_dim
            yield "q_proj", Place(f"{name}.qkv", 0, queries, width)
            yield "k_proj", Place(f"{name}.qkv", queries, keys, width)
            yield "v_proj", Place(f"{name}.qkv", queries + keys, keys, width)
            yield "Wqkv", Place(f"{name}.qkv", 0, queries + 2 * keys, width)
            yield "o_proj", Place(f"{name}.out", 0, width, queries)
        case Mamba1Spec():
            yield "in_proj", Place(f"{name}.in_proj", 0, 2 * mixer.inner, width)
            low = mixer.dt_rank + 2 * mixer.state
            yield "x_proj", Place(f"{name}.x_proj", 0, low, mixer.inner)
            yield "dt_proj", Place(f"{name}.dt_proj", 0, mixer.inner, mixer.dt_rank)
            yield "out_proj", Place(f"{name}.out_proj", 0, width, mixer.inner)
        case Mamba2Spec():
            rows = mixer.inner + mixer.conv_width + mixer.heads
            yield "in_proj", Place(f"{name}.in_proj", 0, rows, width)
            yield "out_proj", Place(f"{name}.out_proj", 0, width, mixer.inner)


def _feed_forward(name: str, spec: FeedForwardSpec, width: int) -> Iterator[tuple[str, Place]]:
    if isinstance(spec, LowRankMoeSpec):
        spec = spec.mlp
    if not isinstance(spec, MlpSpec):
        hidden = spec.shared_hidden
        if hidden is None:
            return
        name, gated = f"{name}.shared", True
    else:
        hidden, gated = spec.hidden, spec.gated
    if gated:
        yield "gate_proj", Place(f"{name}.gate_up", 0, hidden, width)
        yield "up_proj", Place(f"{name}.gate_up", hidden, hidden, width)
        yield "input_linear", Place(f"{name}.gate_up", 0, 2 * hidden, width)
    else:
        yield "up_proj", Place(f"{name}.up", 0, hidden, width)
    yield "down_proj", Place(f"{name}.down", 0, width, hidden)
    yield "output_linear", Place(f"{name}.down", 0, width, hidden)
