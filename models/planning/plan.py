"""What a network takes in memory for so many sequences of so many tokens.

Knows no checkpoint: sizes of stored weights are handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType

import torch

from secretariat.models.kernels.linear.packing import Form, kept_form, packed_bytes
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    LowRankMoeSpec,
    Mamba1Spec,
    Mamba2Spec,
    MixerSpec,
    MlpSpec,
    MoeSpec,
)
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.native.builder import asked_form
from secretariat.models.nets.state import PAGE_SIZE, kv_bytes_per_token, ring_bytes, state_bytes

FORMS: tuple[Form, ...] = ("float32", "bfloat16", "q8", "q4")
_NEVER_PACKED = ("A_log", "conv.weight", "q_norm.weight", "k_norm.weight", ".downs", ".ups")
_NEVER_ROUNDED = ".router.weight"


@dataclass(frozen=True, slots=True)
class Plan:
    """Bytes. `weights` by the form that matrices are held in. `kv` and `state` (with what windows keep in slots)
    for all sequences, `workspace` for one step, `process` for a program that has loaded nothing."""

    parameters: int
    context: int
    batch: int
    weights: Mapping[str, int]
    kv: int
    state: int
    workspace: int
    process: int

    def total(self, form: str) -> int:
        return self.weights[form] + self.kv + self.state + self.workspace + self.process


@dataclass(frozen=True, slots=True)
class Demand:
    """`kv_itemsize`: bytes of one number of keys and values. `step_tokens`: the most of one step."""

    context: int
    batch: int = 1
    kv_itemsize: int = 4
    step_tokens: int = 256


def plan(
    config: DecoderConfig, demand: Demand, *, stored: Mapping[str, str] | None = None, process: int = 0
) -> Plan:
    """`stored`: the number format of each weight in a checkpoint, for what keeping them so takes."""
    shapes = weight_shapes(config)
    weights: dict[str, int] = {
        form: sum(_bytes(name, shape, asked_form(name, form)) for name, shape in shapes.items())
        for form in FORMS
    }
    if stored is not None:
        weights["as stored"] = sum(
            _bytes(name, shape, kept_form(stored[name])) for name, shape in shapes.items()
        )
    return Plan(
        parameters=sum(map(prod, shapes.values())),
        context=demand.context,
        batch=demand.batch,
        weights=MappingProxyType(weights),
        kv=_kv(config, demand),
        state=(demand.batch + 1) * _slot(config, demand),
        workspace=_workspace(config, demand.step_tokens),
        process=process,
    )


def longest_context(config: DecoderConfig, demand: Demand, room: int) -> int:
    """Tokens that `room` bytes of keys and values hold for each sequence; the network's own limit at most."""
    each = demand.batch * kv_bytes_per_token(config, demand.kv_itemsize) * PAGE_SIZE
    pages = room // each if each else config.context_length
    return max(0, min(pages * PAGE_SIZE, config.context_length))


def largest_batch(config: DecoderConfig, demand: Demand, room: int) -> int | None:
    """Sequences whose keys, values and states fit into `room` bytes; None where they take nothing."""
    each = _kv(config, replace(demand, batch=1)) + _slot(config, demand)
    return max(0, room // each) if each else None


def weight_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Of every weight under our names; a tied head is none of its own."""
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}
    if config.tied_embeddings:
        del shapes["head.weight"]
    return shapes


def active_parameters(config: DecoderConfig) -> int:
    """Numbers that one token is multiplied by: of routed experts those that it may choose."""
    active = 0
    for name, shape in weight_shapes(config).items():
        match config.layers[int(name.split(".")[1])].feed_forward if ".experts." in name else None:
            case MoeSpec(router=router) | LowRankMoeSpec(router=router):
                active += prod(shape) * router.top // router.experts
            case _:
                active += prod(shape)
    return active


def _bytes(name: str, shape: tuple[int, ...], form: Form) -> int:
    """Vectors, and what recurrences, norms, routers and low-rank changes read, are float32."""
    if len(shape) < 2 or name.endswith(_NEVER_PACKED):
        return prod(shape) * 4
    return packed_bytes(shape, "float32" if name.endswith(_NEVER_ROUNDED) else form)


def _kv(config: DecoderConfig, demand: Demand) -> int:
    tokens = -(-demand.context // PAGE_SIZE) * PAGE_SIZE
    return demand.batch * tokens * kv_bytes_per_token(config, demand.kv_itemsize)


def _slot(config: DecoderConfig, demand: Demand) -> int:
    return state_bytes(config) + ring_bytes(config, demand.kv_itemsize, demand.step_tokens)


def _workspace(config: DecoderConfig, tokens: int) -> int:
    """Every layer uses the same buffers again: the widest of each kind, float32."""
    layers = [_layer_widths(spec) for spec in config.layers]
    widest = {kind: max(widths.get(kind, 0) for widths in layers) for widths in layers for kind in widths}
    return tokens * (2 * config.width + sum(widest.values()) + config.vocab) * 4


def _layer_widths(spec: LayerSpec) -> dict[str, int]:
    mixers = {type(mixer).__name__: _mixer_width(mixer) for mixer in spec.mixers}
    match spec.feed_forward:
        case MlpSpec(hidden=hidden, gated=gated):
            return {**mixers, "feed forward": hidden * (3 if gated else 2)}
        case LowRankMoeSpec(mlp=mlp, router=router):
            return {**mixers, "feed forward": mlp.hidden * 3, "experts": router.experts}
        case MoeSpec(hidden=hidden, router=router, shared_hidden=shared):
            return {**mixers, "experts": router.top * hidden * 3 + (shared or 0) * 3 + router.experts}
    return mixers


def _mixer_width(mixer: MixerSpec) -> int:
    match mixer:
        case AttentionSpec():
            return (2 * mixer.heads + 2 * mixer.kv_heads) * mixer.head_dim
        case Mamba1Spec():
            return 5 * mixer.inner + mixer.dt_rank + 2 * mixer.state
        case Mamba2Spec():
            return 2 * mixer.inner + 2 * mixer.conv_width + mixer.heads
