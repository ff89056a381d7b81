"""GGUF files of dense decoders (`general.architecture` llama, qwen2 or qwen3), whatever number formats they hold.

Names of metadata and tensors follow the GGUF specification and llama.cpp's tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from secretariat.models.errors import ModelError
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    LinearScaling,
    LongRopeScaling,
    MlpSpec,
    NormSpec,
    QkNormSpec,
    RopeScaling,
    RopeSpec,
    YarnScaling,
)
from secretariat.models.nets.weights import Joined, Reordered, Source, Weights

_FACTORS = "rope_freqs.weight"
_HARMLESS = ("vocab_size", "rope.scaling.finetuned", "attention.value_length")


@dataclass(frozen=True, slots=True)
class _Family:
    """`paired`: rows of queries and keys lie in rotary pairs side by side; ours half a head apart."""

    paired: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False


FAMILIES = {"llama": _Family(paired=True), "qwen2": _Family(qkv_bias=True), "qwen3": _Family(qk_norm=True)}


def decoder_config(metadata: Mapping[str, Any], tensors: Mapping[str, Source]) -> DecoderConfig:
    """Raises ModelError("checkpoint_invalid") naming what would change the maths and isn't supported."""
    name = metadata.get("general.architecture")
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ModelError(
            "checkpoint_invalid", f"general.architecture {name!r} isn't supported; known are {known}"
        )
    prefix = f"{name}."
    own = {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
    fields, family = Fields(own, prefix), FAMILIES[name]
    width, heads = fields.whole("embedding_length"), fields.whole("attention.head_count")
    context = fields.whole("context_length")
    head_dim = fields.whole("attention.key_length", width // heads)
    norm = NormSpec(eps=fields.real("attention.layer_norm_rms_epsilon"))
    fields.only("attention.value_length", (head_dim,))
    fields.only("rope.dimension_count", (head_dim,))
    fields.only("expert_count", (0,))
    fields.only("attention.sliding_window", (0,))
    try:
        mixer = AttentionSpec(
            heads=heads,
            kv_heads=fields.whole("attention.head_count_kv", heads),
            head_dim=head_dim,
            rope=RopeSpec(
                fields.real("rope.freq_base", 10000.0), head_dim, scaling=_scaling(fields, tensors, context)
            ),
            qk_norm=QkNormSpec(norm) if family.qk_norm else None,
            qkv_bias=family.qkv_bias,
        )
    except ValueError as error:
        raise ModelError("checkpoint_invalid", str(error)) from error
    layer = LayerSpec((mixer,), MlpSpec(fields.whole("feed_forward_length")), norm)
    layers = (layer,) * fields.whole("block_count")
    fields.close(_HARMLESS)
    vocab = len(metadata.get("tokenizer.ggml.tokens", ()))
    return DecoderConfig(vocab, width, layers, norm, context, tied_embeddings="output.weight" not in tensors)


def _scaling(fields: Fields, tensors: Mapping[str, Source], context: int) -> RopeScaling | None:
    """Llama 3.1's factors are stored pair by pair as a tensor: what LongRoPE is without its second set."""
    kind = fields.take("rope.scaling.type", "none")
    if _FACTORS in tensors:
        factors = tuple(tensors[_FACTORS].floats().tolist())
        return LongRopeScaling(factors, factors, context, 1.0)
    match kind:
        case "none":
            return None
        case "linear":
            return LinearScaling(fields.real("rope.scaling.factor"))
        case "yarn":
            original = fields.whole("rope.scaling.original_context_length")
            attention = fields.optional_real("rope.scaling.attn_factor")
            return YarnScaling(fields.real("rope.scaling.factor"), original, attention_factor=attention)
    raise fields.refused("rope.scaling.type")


def weights(tensors: Mapping[str, Source], config: DecoderConfig, architecture: str) -> Weights:
    """Raises ModelError("checkpoint_invalid") naming a tensor that is missing, misshapen or stray."""
    taken, width = Tensors(tensors), config.width
    embedding = taken.take("token_embd.weight", config.vocab, width)
    named: Named = {"embedding.weight": embedding, "norm.weight": taken.take("output_norm.weight", width)}
    tied = config.tied_embeddings
    named["head.weight"] = embedding if tied else taken.take("output.weight", config.vocab, width)
    read = partial(_layer, taken, width, FAMILIES[architecture])
    for index, spec in enumerate(config.layers):
        named |= {f"layers.{index}.{name}": source for name, source in read(f"blk.{index}.", spec).items()}
    taken.close(harmless=(_FACTORS,))
    return named


def _layer(tensors: Tensors, width: int, family: _Family, at: str, spec: LayerSpec) -> Named:
    mixer, feed_forward = spec.mixers[0], spec.feed_forward
    assert isinstance(mixer, AttentionSpec)
    assert isinstance(feed_forward, MlpSpec)
    pair = [tensors.take(f"{at}ffn_{x}.weight", feed_forward.hidden, width) for x in ("gate", "up")]
    return {
        "norm.weight": tensors.take(f"{at}attn_norm.weight", width),
        "feed_forward_norm.weight": tensors.take(f"{at}ffn_norm.weight", width),
        "feed_forward.gate_up.weight": Joined(pair),
        "feed_forward.down.weight": tensors.take(f"{at}ffn_down.weight", width, feed_forward.hidden),
        **_attention(tensors, width, family, at, mixer),
    }


def _attention(tensors: Tensors, width: int, family: _Family, at: str, spec: AttentionSpec) -> Named:
    heads = {"q": spec.heads, "k": spec.kv_heads, "v": spec.kv_heads}

    def projection(which: str) -> Source:
        source = tensors.take(f"{at}attn_{which}.weight", heads[which] * spec.head_dim, width)
        if not family.paired or which == "v":
            return source
        return Reordered(source, _half_split(heads[which], spec.head_dim))

    named: Named = {
        "mixers.0.qkv.weight": Joined([projection(which) for which in "qkv"]),
        "mixers.0.out.weight": tensors.take(f"{at}attn_output.weight", width, spec.heads * spec.head_dim),
    }
    if spec.qkv_bias:
        biases = [tensors.take(f"{at}attn_{x}.bias", heads[x] * spec.head_dim) for x in "qkv"]
        named["mixers.0.qkv.bias"] = Joined(biases)
    if spec.qk_norm is not None:
        for which in "qk":
            norm = tensors.take(f"{at}attn_{which}_norm.weight", spec.head_dim)
            named[f"mixers.0.{which}_norm.weight"] = norm
    return named


def _half_split(heads: int, head_dim: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Rows in our order: of each head first the first of every pair, then the second."""
    rows = np.arange(heads * head_dim, dtype=np.intp).reshape(heads, head_dim // 2, 2)
    return rows.swapaxes(1, 2).reshape(-1)
