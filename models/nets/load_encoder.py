"""From an encoder's directory to vectors of texts, or to labels of them.

Knows nothing of the catalogue or of serving. Shape letters: E width of a vector, L labels, T tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.nets.architectures import bert, distilbert
from secretariat.models.nets.architectures.encoders import Named, head_spec
from secretariat.models.nets.architectures.tensors import Tensors
from secretariat.models.nets.config import EncoderConfig, HeadSpec
from secretariat.models.nets.encoder import (
    Encoder,
    Floats,
    Halves,
    Labeller,
    TextNetwork,
    TorchTexts,
    passes,
)
from secretariat.models.nets.load import WeightsIdentity, assign
from secretariat.models.nets.native.encoder import NativeEncoder, fits
from secretariat.models.nets.network import Arithmetic
from secretariat.models.tokens.encoder_tokenizer import EncodedText, EncoderTokenizer

Backend = Literal["auto", "native", "torch"]


class _Architecture(Protocol):
    """A module of `architectures/`. `prefix` begins the names of what isn't the head's."""

    def encoder_config(self, config: Mapping[str, Any]) -> EncoderConfig: ...

    def encoder_weights(self, tensors: Tensors, config: EncoderConfig, prefix: str) -> Named: ...

    def head_weights(self, tensors: Tensors, config: EncoderConfig, head: HeadSpec, prefix: str) -> Named: ...

    def unused(self, prefix: str) -> tuple[str, ...]: ...


_ARCHITECTURES: Mapping[str, tuple[_Architecture, str]] = MappingProxyType(
    {
        "bert": (bert, "bert."),
        "roberta": (bert, "roberta."),
        "xlm-roberta": (bert, "roberta."),
        "distilbert": (distilbert, "distilbert."),
    }
)


@dataclass(frozen=True, slots=True)
class LoadedEmbedder:
    network: TextNetwork
    tokenizer: EncoderTokenizer
    identity: WeightsIdentity

    @property
    def arithmetic(self) -> Arithmetic:
        return self.network.arithmetic

    @property
    def dim(self) -> int:
        return self.network.config.width

    @property
    def max_tokens(self) -> int:
        return self.tokenizer.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text with its framing; one longer than `max_tokens` is cut by `embed`."""
        return self.tokenizer.count(texts)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Unit vectors [len(texts), dim], in the order of `texts`."""
        return self.embed_counted(texts)[0]

    def embed_counted(self, texts: Sequence[str]) -> tuple[Floats, int]:
        """As `embed`, and how many tokens were read."""
        rows = self.tokenizer.encode(texts)
        return self.network.vectors(rows), sum(map(len, rows))

    def token_vectors(self, texts: Sequence[str]) -> list[Halves]:
        """Of each text, cut as by `embed`, a unit vector of every token with its framing: [tokens, dim]."""
        return self.network.token_vectors(self.tokenizer.encode(texts))


@dataclass(frozen=True, slots=True)
class LoadedLabeller:
    """An encoder with a head of labels."""

    network: Labeller
    architecture: str
    tokenizer: EncoderTokenizer
    identity: WeightsIdentity

    @property
    def head(self) -> HeadSpec:
        return self.network.head

    @property
    def max_tokens(self) -> int:
        return self.tokenizer.max_tokens

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Raises ModelError("context_length_exceeded"): what was cut off a text would go
        without a label."""
        encoded = self.tokenizer.encode_whole(texts)
        for index, text in enumerate(encoded):
            if len(text.ids) > self.max_tokens:
                raise ModelError(
                    "context_length_exceeded",
                    f"text {index} has {len(text.ids)} tokens, the model reads {self.max_tokens}: split it",
                    param="input",
                )
        return encoded

    def logits(self, encoded: Sequence[EncodedText]) -> list[Floats]:
        """Of each text [L], or [T, L] where the head labels tokens."""
        rows = [text.ids for text in encoded]
        found: dict[int, Floats] = {}
        for indices, logits_B in passes(rows, self.network):
            for index, logits in zip(indices, logits_B.numpy(), strict=True):
                found[index] = logits if self.head.over == "text" else logits[: len(rows[index])]
        return [found[index] for index in range(len(rows))]


def load_embedder(
    directory: Path, *, backend: Backend = "auto", threads: int | None = None
) -> LoadedEmbedder:
    """The encoder in `directory`: compiled operations where there are any and its widths suit them, else torch in
    float32. Raises ModelError: "weights_missing", or "checkpoint_invalid" for one that is malformed or whose maths
    isn't supported."""
    path = directory / "model.safetensors"
    tensors = Tensors(SafetensorsFile.open(path).tensors)
    architecture, _, config = _described(read_json(directory / "config.json"))
    pooling = directory / "1_Pooling" / "config.json"
    if not read_json(pooling).get("pooling_mode_mean_tokens"):
        raise ModelError("checkpoint_invalid", f"{pooling.name}: pooling is not the mean over tokens")
    limits = read_json(directory / "sentence_bert_config.json")
    max_tokens = min(int(limits.get("max_seq_length", config.longest)), config.longest)
    tokenizer = EncoderTokenizer.open(directory / "tokenizer.json", max_tokens)
    weights = architecture.encoder_weights(tensors, config, "")
    tensors.close(architecture.unused(""))
    network = _text_network(config, weights, path, backend, threads or torch.get_num_threads())
    identity = WeightsIdentity(directory.name, weights_sha256([path]), network.arithmetic.weights)
    return LoadedEmbedder(network, tokenizer, identity)


def _text_network(
    config: EncoderConfig, weights: Named, path: Path, backend: Backend, threads: int
) -> TextNetwork:
    compiled = None if backend == "torch" or not fits(config) else library()
    if compiled is not None:
        return NativeEncoder(config, weights, compiled, threads=threads)
    if backend == "native":
        raise ModelError("invalid_request", f"{path.parent.name}: there are no compiled operations for it")
    with torch.device("meta"):
        encoder = Encoder(config)
    assign(encoder, _read(weights), path)
    return TorchTexts(encoder.eval())


def load_labeller(directory: Path) -> LoadedLabeller:
    """The encoder in `directory` with the head that it was saved with, float32. Raises ModelError as
    `load_embedder`."""
    path = directory / "model.safetensors"
    tensors = Tensors(SafetensorsFile.open(path).tensors)
    values = read_json(directory / "config.json")
    head = head_spec(values)
    architecture, prefix, config = _described(values)
    tokenizer = EncoderTokenizer.open(directory / "tokenizer.json", config.longest)
    body = architecture.encoder_weights(tensors, config, prefix)
    weights = {f"encoder.{name}": source for name, source in body.items()}
    weights |= architecture.head_weights(tensors, config, head, prefix)
    tensors.close(architecture.unused(prefix))
    with torch.device("meta"):
        network = Labeller(config, head)
    assign(network, _read(weights), path)
    identity = WeightsIdentity(directory.name, weights_sha256([path]), "float32")
    return LoadedLabeller(network.eval(), str(values["model_type"]), tokenizer, identity)


def _described(values: Mapping[str, Any]) -> tuple[_Architecture, str, EncoderConfig]:
    kind = str(values.get("model_type"))
    if kind not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise ModelError(
            "checkpoint_invalid", f"config.json: model_type {kind!r} is no encoder that is known: {known}"
        )
    architecture, prefix = _ARCHITECTURES[kind]
    try:
        return architecture, prefix, architecture.encoder_config(values)
    except ValueError as error:  # numbers that don't fit together
        raise ModelError("checkpoint_invalid", f"config.json: {error}") from error
    except ModelError as error:
        raise ModelError(error.code, f"config.json: {error.message}") from error


def _read(weights: Named) -> dict[str, Tensor]:
    return {name: torch.from_numpy(source.floats()) for name, source in weights.items()}
