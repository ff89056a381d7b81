"""A Llama some of whose layers see a window and the sinks, with a Mamba-2 branch in parallel for what lies behind.

Fields beyond Llama's: `hybrid_layers` (their numbers), `window`, `sinks`, `mamba_heads`, `mamba_head_dim`,
`mamba_state`, `mamba_groups`, `mamba_conv`, `mamba_gate`. Tensors beyond Llama's: of a branch, below
`model.layers.N.mamba.`.

What was learnt on top of another checkpoint may make its feed-forwards mixtures: `moe_experts` (their names),
`moe_top` of them for each token, with changes of `moe_rank`. Their tensors: `nets/expert_changes.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretariat.models.nets.architectures import llama
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, attention, decoder_weights, mamba2, mlp, norms
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    LowRankMoeSpec,
    Mamba2Spec,
    MlpSpec,
    RouterSpec,
)
from secretariat.models.nets.weights import Source, Weights

OWN = (
    "hybrid_layers", "window", "sinks", "mamba_heads", "mamba_head_dim", "mamba_state", "mamba_groups",
    "mamba_conv", "mamba_gate",
)  # fmt: skip
MOE = ("moe_experts", "moe_top", "moe_rank")
_GATES = ("before", "after", "none")


def decoder_config(config: Mapping[str, Any]) -> DecoderConfig:
    dense = llama.decoder_config({name: value for name, value in config.items() if name not in OWN})
    return hybrid(dense, config)


def hybrid(dense: DecoderConfig, config: Mapping[str, Any]) -> DecoderConfig:
    """`dense` with the layers that `config` names made hybrid; of `config` only our own fields are read. Raises
    ModelError("checkpoint_invalid")."""
    fields = Fields({name: config[name] for name in OWN if name in config})
    chosen = fields.take("hybrid_layers")
    count = len(dense.layers)
    if not isinstance(chosen, list) or not set(chosen) <= set(range(count)) or len(set(chosen)) < len(chosen):
        raise fields.refused("hybrid_layers", f"not some numbers of {count} layers")
    branch = _branch(fields)
    window, sinks = fields.whole("window"), fields.whole("sinks", least=0)
    fields.close()
    layers = list(dense.layers)
    for number in chosen:
        (mixer,) = layers[number].mixers
        assert isinstance(mixer, AttentionSpec)
        seeing = replace(mixer, window=window, sinks=sinks)
        layers[number] = replace(layers[number], mixers=(seeing, branch))
    return replace(dense, layers=tuple(layers))


def mixture(config: DecoderConfig, values: Mapping[str, Any]) -> DecoderConfig:
    """`config` with the experts that `values` names in every feed-forward; of `values` only MOE is read. Raises
    ModelError("checkpoint_invalid")."""
    fields = Fields({name: values[name] for name in MOE if name in values})
    names = fields.take("moe_experts")
    if not isinstance(names, list) or len({str(name) for name in names}) < max(2, len(names)):
        raise fields.refused("moe_experts", "not the names of two or more")
    top, rank = fields.whole("moe_top"), fields.whole("moe_rank")
    if top > len(names):
        raise fields.refused("moe_top", f"more than {len(names)} experts")
    layers = []
    for layer in config.layers:
        if not isinstance(layer.feed_forward, MlpSpec) or layer.feed_forward.bias:
            raise fields.refused("moe_experts", "over a base whose feed-forwards aren't plain")
        moe = LowRankMoeSpec(layer.feed_forward, RouterSpec(len(names), top), rank)
        layers.append(replace(layer, feed_forward=moe))
    return replace(config, layers=tuple(layers))


def _branch(fields: Fields) -> Mamba2Spec:
    fields.only("mamba_gate", _GATES)
    gate = fields.take("mamba_gate")
    heads, groups = fields.whole("mamba_heads"), fields.whole("mamba_groups")
    if heads % groups:
        raise fields.refused("mamba_groups", f"and {heads} heads are not so many groups")
    return Mamba2Spec(
        heads=heads,
        head_dim=fields.whole("mamba_head_dim"),
        state=fields.whole("mamba_state"),
        groups=groups,
        conv=fields.whole("mamba_conv"),
        gate=None if gate == "none" else gate,
    )


def weights(tensors: Mapping[str, Source], config: DecoderConfig) -> Weights:
    return decoder_weights(
        tensors, config, layer=_layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip


def _layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
    seeing, *branch = spec.mixers
    assert isinstance(seeing, AttentionSpec)
    assert isinstance(spec.feed_forward, MlpSpec)
    named = {
        **norms(tensors, at, width),
        **attention(tensors, f"{at}self_attn.", width, seeing),
        **mlp(tensors, f"{at}mlp.", width, spec.feed_forward),
    }
    for mixer in branch:
        assert isinstance(mixer, Mamba2Spec)
        named |= mamba2(tensors, f"{at}mamba.", width, mixer, "mixers.1.")
    return named
