"""From a model directory to a network that is ready to run.

Owns which files a directory must hold. Knows nothing of the catalogue, of serving or of sampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from secretariat.models.checkpoints.digest import weights_sha256
from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.models.kernels.quantised_linear import cpu as quantised_linear
from secretariat.models.nets.architectures import bert, llama
from secretariat.models.nets.config import DType
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.encoder import Encoder
from secretariat.models.tokens.chat import ChatTemplate, encode_chat
from secretariat.models.tokens.encoder_tokenizer import EncoderTokenizer
from secretariat.models.tokens.gguf_bpe import GgufBpeTokenizer
from secretariat.models.tokens.tokenizer import Tokenizer

_BATCH_TOKENS = 2048  # of one encoder pass, padding included: bounds its memory


@dataclass(frozen=True, slots=True)
class WeightsIdentity:
    name: str
    weights_sha256: str
    dtype: str


@dataclass(frozen=True, slots=True)
class LoadedChat:
    decoder: Decoder
    tokenizer: Tokenizer
    template: ChatTemplate
    identity: WeightsIdentity
    context_length: int
    eos_ids: frozenset[int]

    def encode_chat(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the rendered template up to the assistant's turn."""
        return encode_chat(self.template, self.tokenizer, messages)


@dataclass(frozen=True, slots=True)
class LoadedEmbedder:
    encoder: Encoder
    tokenizer: EncoderTokenizer
    identity: WeightsIdentity

    @property
    def dim(self) -> int:
        return self.encoder.config.width

    @property
    def max_tokens(self) -> int:
        return self.tokenizer.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text with its framing; one longer than `max_tokens` is cut by `embed`."""
        return self.tokenizer.count(texts)

    def embed(self, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Unit vectors [len(texts), dim], float32, in the order of `texts`."""
        rows = self.tokenizer.encode(texts)
        vectors = np.empty((len(rows), self.dim), np.float32)
        for indices in _batches([len(row) for row in rows]):
            tokens_BT = nn.utils.rnn.pad_sequence(
                [torch.tensor(rows[index]) for index in indices], batch_first=True
            )
            lengths_B = torch.tensor([len(rows[index]) for index in indices])
            vectors[indices] = self.encoder(tokens_BT, lengths_B).numpy()
        return vectors


def load_chat_model(directory: Path, *, dtype: DType = "float32") -> LoadedChat:
    """The decoder of the one GGUF file in `directory`.

    Raises ModelError: "weights_missing" without the file, "checkpoint_invalid" for one that is malformed
    or whose maths is not supported.
    """
    path = _only_gguf(directory)
    file = GgufFile.open(path)
    config = llama.decoder_config(file)
    tokenizer = GgufBpeTokenizer.of(file.metadata)
    template = file.metadata.get("tokenizer.chat_template")
    if not isinstance(template, str):
        raise ModelError("checkpoint_invalid", f"{path.name}: has no tokenizer.chat_template")
    if tokenizer.vocab_size != config.vocab:
        raise ModelError(
            "checkpoint_invalid",
            f"{path.name}: token_embd.weight has {config.vocab} rows for {tokenizer.vocab_size} tokens",
        )
    with torch.device("meta"):
        decoder = Decoder(config)
    state = llama.decoder_state(file, config, getattr(torch, dtype))
    _assign(decoder, state, path)
    kernel = quantised_linear.load() if dtype == "float32" else None
    if kernel is not None:
        decoder.pack(llama.packed_rows(file, config), kernel)
    return LoadedChat(
        decoder=decoder.requires_grad_(requires_grad=False).eval(),
        tokenizer=tokenizer,
        template=ChatTemplate(template, **_template_specials(file, tokenizer)),
        identity=WeightsIdentity(directory.name, weights_sha256(path), dtype),
        context_length=config.context_length,
        eos_ids=tokenizer.eos_ids,
    )


def load_embedder(directory: Path) -> LoadedEmbedder:
    """The BERT encoder in `directory`, float32. Raises ModelError as `load_chat_model`."""
    path = directory / "model.safetensors"
    file = SafetensorsFile.open(path)
    config = bert.encoder_config(directory)
    limits = bert.read_json(directory / "sentence_bert_config.json")
    max_tokens = min(int(limits.get("max_seq_length", config.positions)), config.positions)
    tokenizer = EncoderTokenizer.open(directory / "tokenizer.json", max_tokens)
    with torch.device("meta"):
        encoder = Encoder(config)
    _assign(encoder, bert.encoder_state(file, config), path)
    return LoadedEmbedder(
        encoder=encoder.requires_grad_(requires_grad=False).eval(),
        tokenizer=tokenizer,
        identity=WeightsIdentity(directory.name, weights_sha256(path), "float32"),
    )


def _only_gguf(directory: Path) -> Path:
    found = sorted(directory.glob("*.gguf"))
    if not found:
        raise ModelError(
            "weights_missing",
            f"{directory} holds no .gguf file: run `secretariat models pull {directory.name}`",
        )
    if len(found) > 1:
        raise ModelError("checkpoint_invalid", f"{directory} holds {len(found)} .gguf files, not one")
    return found[0]


def _assign(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:  # says which tensors do not fit
        raise ModelError("checkpoint_invalid", f"{path.name}: {error}") from error


def _template_specials(file: GgufFile, tokenizer: GgufBpeTokenizer) -> dict[str, str]:
    names = {index: token for token, index in tokenizer.control_tokens.items()}
    ids = {key: file.metadata.get(f"tokenizer.ggml.{key}_id") for key in ("bos_token", "eos_token")}
    return {key: names.get(index, "") for key, index in ids.items() if isinstance(index, int)}


def _batches(lengths: list[int]) -> list[list[int]]:
    """Indices grouped by like length, so that little is padding."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or (len(batches[-1]) + 1) * lengths[index] > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(index)
    return batches
