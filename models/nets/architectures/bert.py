"""BERT and RoBERTa in Hugging Face layout to our encoder: they differ in where positions begin and in the head."""

from collections.abc import Mapping
from typing import Any

from secretariat.models.nets.architectures.encoders import Named, layer_norm, linear, refuse_other
from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import EncoderConfig, HeadSpec
from secretariat.models.nets.weights import Joined

_HARMLESS = (
    "attention_probs_dropout_prob", "classifier_dropout", "directionality", "gradient_checkpointing",
    "hidden_dropout_prob", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
    "pooler_size_per_head", "pooler_type", "tie_word_embeddings",
)  # fmt: skip
_UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")


def encoder_config(config: Mapping[str, Any]) -> EncoderConfig:
    fields = Fields(config)
    fields.only("hidden_act", ("gelu",))
    fields.only("position_embedding_type", ("absolute",))
    refuse_other(fields)
    kind = fields.take("model_type")
    made = EncoderConfig(
        vocab=fields.whole("vocab_size"),
        width=fields.whole("hidden_size"),
        layers=fields.whole("num_hidden_layers"),
        heads=fields.whole("num_attention_heads"),
        hidden=fields.whole("intermediate_size"),
        positions=fields.whole("max_position_embeddings"),
        token_types=fields.whole("type_vocab_size"),
        norm_eps=fields.real("layer_norm_eps"),
        first_position=0 if kind == "bert" else 1 + fields.whole("pad_token_id", 1, least=0),
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
        "token_types.weight": tensors.take(
            f"{prefix}embeddings.token_type_embeddings.weight", config.token_types, width
        ),
        **layer_norm(tensors, f"{prefix}embeddings.LayerNorm", "norm", width),
    }
    for index in range(config.layers):
        at, ours = f"{prefix}encoder.layer.{index}.", f"layers.{index}."
        heads = [f"{at}attention.self.{which}" for which in ("query", "key", "value")]
        named |= {
            f"{ours}qkv.weight": Joined([tensors.take(f"{name}.weight", width, width) for name in heads]),
            f"{ours}qkv.bias": Joined([tensors.take(f"{name}.bias", width) for name in heads]),
            **linear(tensors, f"{at}attention.output.dense", f"{ours}out", width, width),
            **layer_norm(tensors, f"{at}attention.output.LayerNorm", f"{ours}mixer_norm", width),
            **linear(tensors, f"{at}intermediate.dense", f"{ours}up", config.hidden, width),
            **linear(tensors, f"{at}output.dense", f"{ours}down", width, config.hidden),
            **layer_norm(tensors, f"{at}output.LayerNorm", f"{ours}feed_forward_norm", width),
        }
    return named


def head_weights(tensors: Tensors, config: EncoderConfig, head: HeadSpec, prefix: str) -> Named:
    """BERT's texts go through its pooler, RoBERTa's through a layer that came with the head."""
    ours = "classifier.out_proj" if "classifier.out_proj.weight" in tensors else "classifier"
    named = linear(tensors, ours, "labels", len(head.labels), config.width)
    if head.over == "text":
        dense = "classifier.dense" if "classifier.dense.weight" in tensors else f"{prefix}pooler.dense"
        named |= linear(tensors, dense, "dense", config.width, config.width)
    return named


def unused(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in _UNUSED)
