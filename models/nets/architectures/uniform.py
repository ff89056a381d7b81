"""Decoders in Llama's layout whose layers are all alike: attention, then what tells the families apart.

Knows no family.
"""

from collections.abc import Callable, Collection, Mapping

from secretariat.models.nets.architectures.fields import Fields
from secretariat.models.nets.architectures.parts import Named, attention, decoder_weights, norms
from secretariat.models.nets.architectures.rope import rope
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LayerSpec
from secretariat.models.nets.weights import Source, Weights

FeedForwardReader = Callable[[Tensors, str, int, LayerSpec], Named]


def plain_attention(fields: Fields, *, theta: float) -> AttentionSpec:
    """Without biases, window and norms, which not every family has a field for."""
    width, heads = fields.whole("hidden_size"), fields.whole("num_attention_heads")
    head_dim = fields.whole("head_dim", width // heads)
    return AttentionSpec(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_dim=head_dim,
        rope=rope(fields, head_dim, fields.whole("max_position_embeddings"), theta=theta),
    )


def repeated(fields: Fields, layer: LayerSpec, harmless: Collection[str] = ()) -> DecoderConfig:
    """As many of `layer` as the configuration says; closes it."""
    width, context = fields.whole("hidden_size"), fields.whole("max_position_embeddings")
    layers = (layer,) * fields.whole("num_hidden_layers")
    vocab, tied = fields.whole("vocab_size"), fields.flag("tie_word_embeddings", default=False)
    fields.close(harmless)
    return DecoderConfig(vocab, width, layers, layer.norm, context, tied)


def weights_of(
    tensors: Mapping[str, Source], config: DecoderConfig, feed_forward: FeedForwardReader
) -> Weights:
    """`feed_forward` is given the tensors, how the names of one layer begin, the width and the layer."""

    def layer(tensors: Tensors, at: str, width: int, spec: LayerSpec) -> Named:
        (mixer,) = spec.mixers
        assert isinstance(mixer, AttentionSpec)
        return {
            **norms(tensors, at, width),
            **attention(tensors, f"{at}self_attn.", width, mixer),
            **feed_forward(tensors, at, width, spec),
        }

    return decoder_weights(
        tensors, config, layer=layer,
        embedding="model.embed_tokens.weight", norm="model.norm.weight", prefix="model.layers.",
    )  # fmt: skip
