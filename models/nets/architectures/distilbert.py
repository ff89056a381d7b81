"""DistilBERT (Sanh et al. 2019, arXiv:1910.01108) in Hugging Face layout: BERT's layers under other names, without
token types."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.encoders import Named, layer_norm, linear, refuse_other
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import EncoderConfig, HeadSpec
from secretariat.models.nets.weights import Joined

_NORM_EPS = 1e-12  # not a field: written into the code that trained it
_HARMLESS = ("dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_word_embeddings")
_UNUSED = ("embeddings.position_ids",)


def encoder_config(config: Mapping[str, Any]) -> EncoderConfig:
    """`sinusoidal_pos_embds` only says how the table of positions began: the file has it."""
    fields = Fields(config)
    fields.only("activation", ("gelu",))
    refuse_other(fields)
    made = EncoderConfig(
        vocab=fields.whole("vocab_size"),
        width=fields.whole("dim"),
        layers=fields.whole("n_layers"),
        heads=fields.whole("n_heads"),
        hidden=fields.whole("hidden_dim"),
        positions=fields.whole("max_position_embeddings"),
        token_types=0,
        norm_eps=_NORM_EPS,
    )
    fields.close(_HARMLESS)
    return made


def encoder_weights(tensors: Tensors, config: EncoderConfig, prefix: str) -> Named:
    width = config.width
    named: Named = {
        "words.weight": tensors.take(f"{prefix}embeddings.word_embeddings.weight", config.vocab, width),
        "positions.weight": tensors.take(
            f"{prefix}embeddings.position_embeddings.weight", config.positions, width
        ),
        **layer_norm(tensors, f"{prefix}embeddings.LayerNorm", "norm", width),
    }
    for index in range(config.layers):
        at, ours = f"{prefix}transformer.layer.{index}.", f"layers.{index}."
        heads = [f"{at}attention.{which}_lin" for which in "qkv"]
        named |= {
            f"{ours}qkv.weight": Joined([tensors.take(f"{name}.weight", width, width) for name in heads]),
            f"{ours}qkv.bias": Joined([tensors.take(f"{name}.bias", width) for name in heads]),
            **linear(tensors, f"{at}attention.out_lin", f"{ours}out", width, width),
            **layer_norm(tensors, f"{at}sa_layer_norm", f"{ours}mixer_norm", width),
            **linear(tensors, f"{at}ffn.lin1", f"{ours}up", config.hidden, width),
            **linear(tensors, f"{at}ffn.lin2", f"{ours}down", width, config.hidden),
            **layer_norm(tensors, f"{at}output_layer_norm", f"{ours}feed_forward_norm", width),
        }
    return named


def head_weights(tensors: Tensors, config: EncoderConfig, head: HeadSpec, prefix: str) -> Named:  # noqa: ARG001
    named = linear(tensors, "classifier", "labels", len(head.labels), config.width)
    if head.over == "text":
        named |= linear(tensors, "pre_classifier", "dense", config.width, config.width)
    return named


def unused(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in _UNUSED)
