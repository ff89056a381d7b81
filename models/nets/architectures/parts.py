"""Parts that Hugging Face checkpoints of several families name alike, as ours.

Knows no configuration. Our names are those that `nets/` gives its modules and programs.
"""

from collections.abc import Callable, Mapping

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    Activation,
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    Mamba2Spec,
    MlpSpec,
    MoeSpec,
)
from secretariat.models.nets.weights import Joined, Reshaped, Source, Stacked, Weights

Named = dict[str, Source]
LayerReader = Callable[[Tensors, str, int, LayerSpec], Named]

_ACTIVATIONS: Mapping[str, Activation] = {
    "silu": "silu", "swish": "silu", "relu2": "relu2", "gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}  # fmt: skip


def activation(fields: Fields, name: str = "hidden_act") -> Activation:
    value = fields.take(name)
    if value not in _ACTIVATIONS:
        raise fields.refused(name)
    return _ACTIVATIONS[value]


def layer_kinds(fields: Fields, count: int, default: list[str]) -> list[str]:
    """`layer_types` in the words of transformers 5: mamba is linear_attention, attention full_attention."""
    words = {"mamba": "linear_attention", "attention": "full_attention"}
    kinds = fields.take("layer_types", default)
    if not isinstance(kinds, list) or len(kinds) != count:
        raise fields.refused("layer_types", f"not a list of {count}")
    return [words.get(str(kind), str(kind)) for kind in kinds]


def decoder_weights(
    sources: Mapping[str, Source],
    config: DecoderConfig,
    *,
    embedding: str,
    norm: str,
    prefix: str,
    layer: LayerReader,
    head: str = "lm_head.weight",
) -> Weights:
    """All of a decoder. `layer` is given the tensors, how the names of one layer begin, the width and the spec;
    it returns what it read under our names within a layer. Raises ModelError for a tensor that is missing,
    misshapen or stray."""
    tensors = Tensors(sources)
    weights: Named = {
        "embedding.weight": tensors.take(embedding, config.vocab, config.width),
        "norm.weight": tensors.take(norm, config.width),
    }
    tied = config.tied_embeddings
    weights["head.weight"] = tensors.take(embedding if tied else head, config.vocab, config.width)
    for index, spec in enumerate(config.layers):
        read = layer(tensors, f"{prefix}{index}.", config.width, spec)
        weights |= {f"layers.{index}.{name}": source for name, source in read.items()}
    tensors.close(harmless=(head,) if tied else ())
    return weights


def norms(
    tensors: Tensors,
    at: str,
    width: int,
    first: str = "input_layernorm",
    second: str = "post_attention_layernorm",
) -> Named:
    return {
        "norm.weight": tensors.take(f"{at}{first}.weight", width),
        "feed_forward_norm.weight": tensors.take(f"{at}{second}.weight", width),
    }


def attention(tensors: Tensors, at: str, width: int, spec: AttentionSpec, ours: str = "mixers.0.") -> Named:
    """q_proj, k_proj, v_proj and o_proj below `at`, with the norms of queries and keys where there are any."""
    rows = {"q": spec.heads * spec.head_dim, "k": spec.kv_heads * spec.head_dim}
    rows["v"] = rows["k"]
    named: Named = {
        f"{ours}qkv.weight": Joined([tensors.take(f"{at}{x}_proj.weight", rows[x], width) for x in "qkv"]),
        f"{ours}out.weight": tensors.take(f"{at}o_proj.weight", width, rows["q"]),
    }
    if spec.qkv_bias:
        named[f"{ours}qkv.bias"] = Joined([tensors.take(f"{at}{x}_proj.bias", rows[x]) for x in "qkv"])
    if spec.out_bias:
        named[f"{ours}out.bias"] = tensors.take(f"{at}o_proj.bias", width)
    if spec.qk_norm is not None:
        shapes: Mapping[str, Callable[[int], tuple[int, ...]]] = {
            "head": lambda _: (spec.head_dim,),
            "heads": lambda heads: (heads, spec.head_dim),
            "all": lambda heads: (heads * spec.head_dim,),
        }
        shape = shapes[spec.qk_norm.over]
        named[f"{ours}q_norm.weight"] = tensors.take(f"{at}q_norm.weight", *shape(spec.heads))
        named[f"{ours}k_norm.weight"] = tensors.take(f"{at}k_norm.weight", *shape(spec.kv_heads))
    return named


def mlp(tensors: Tensors, at: str, width: int, spec: MlpSpec) -> Named:
    """gate_proj, up_proj and down_proj below `at`."""
    pair = [f"{at}gate_proj", f"{at}up_proj"]
    named: Named = {
        "feed_forward.gate_up.weight": Joined(
            [tensors.take(f"{name}.weight", spec.hidden, width) for name in pair]
        ),
        "feed_forward.down.weight": tensors.take(f"{at}down_proj.weight", width, spec.hidden),
    }
    if spec.bias:
        biases = [tensors.take(f"{name}.bias", spec.hidden) for name in pair]
        named["feed_forward.gate_up.bias"] = Joined(biases)
        named["feed_forward.down.bias"] = tensors.take(f"{at}down_proj.bias", width)
    return named


def experts(
    tensors: Tensors,
    at: str,
    width: int,
    spec: MoeSpec,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> Named:
    """`at`{i}.{gate, up, down}.weight of every expert, or `at`gate_up_proj and `at`down_proj of all in one."""
    count = spec.router.experts
    if f"{at}gate_up_proj" in tensors:
        return {
            "feed_forward.experts.gate_up.weight": tensors.take(
                f"{at}gate_up_proj", count, 2 * spec.hidden, width
            ),
            "feed_forward.experts.down.weight": tensors.take(f"{at}down_proj", count, width, spec.hidden),
        }
    gate, up, down = names
    pairs = [
        Joined([tensors.take(f"{at}{i}.{name}.weight", spec.hidden, width) for name in (gate, up)])
        for i in range(count)
    ]
    downs = [tensors.take(f"{at}{i}.{down}.weight", width, spec.hidden) for i in range(count)]
    return {
        "feed_forward.experts.gate_up.weight": Stacked(pairs),
        "feed_forward.experts.down.weight": Stacked(downs),
    }


def mamba1(tensors: Tensors, at: str, width: int, spec: Mamba1Spec, ours: str = "mixers.0.") -> Named:
    inner, rank, state = spec.inner, spec.dt_rank, spec.state
    named: Named = {
        "x_proj.weight": tensors.take(f"{at}x_proj.weight", rank + 2 * state, inner),
        "dt_proj.weight": tensors.take(f"{at}dt_proj.weight", inner, rank),
        "dt_proj.bias": tensors.take(f"{at}dt_proj.bias", inner),
        "A_log": tensors.take(f"{at}A_log", inner, state),
        "D": tensors.take(f"{at}D", inner),
    }
    if spec.norms == "weighted":
        for name, size in (("dt", rank), ("b", state), ("c", state)):
            named[f"{name}_norm.weight"] = tensors.take(f"{at}{name}_layernorm.weight", size)
    named |= _around_state(tensors, at, width, spec, 2 * inner, inner)
    return {f"{ours}{name}": source for name, source in named.items()}


def mamba2(tensors: Tensors, at: str, width: int, spec: Mamba2Spec, ours: str = "mixers.0.") -> Named:
    named: Named = {name: tensors.take(f"{at}{name}", spec.heads) for name in ("dt_bias", "A_log", "D")}
    if spec.gate is not None:
        named["norm.weight"] = tensors.take(f"{at}norm.weight", spec.inner)
    rows = spec.inner + spec.conv_width + spec.heads
    named |= _around_state(tensors, at, width, spec, rows, spec.conv_width)
    return {f"{ours}{name}": source for name, source in named.items()}


def _around_state(
    tensors: Tensors, at: str, width: int, spec: Mamba1Spec | Mamba2Spec, rows: int, channels: int
) -> Named:
    """What both kinds share: projections into `rows` and out, and the convolution over `channels`."""
    convolution = tensors.take(f"{at}conv1d.weight", channels, 1, spec.conv)
    named: Named = {
        "in_proj.weight": tensors.take(f"{at}in_proj.weight", rows, width),
        "out_proj.weight": tensors.take(f"{at}out_proj.weight", width, spec.inner),
        "conv.weight": Reshaped(convolution, (channels, spec.conv)),
    }
    if spec.conv_bias:
        named["conv.bias"] = tensors.take(f"{at}conv1d.bias", channels)
    if spec.proj_bias:
        named["in_proj.bias"] = tensors.take(f"{at}in_proj.bias", rows)
        named["out_proj.bias"] = tensors.take(f"{at}out_proj.bias", width)
    return named
