"""From a model directory to a network that is ready to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from secretariat.models.core import ChatMessage
from secretariat.models.nets.config import DType
from secretariat.models.nets.decoder import Decoder
from secretariat.models.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class WeightsIdentity:
    name: str
    weights_sha256: str
    dtype: str


@dataclass(frozen=True, slots=True)
class LoadedChat:
    decoder: Decoder
    tokenizer: Tokenizer
    identity: WeightsIdentity
    context_length: int
    eos_ids: frozenset[int]

    def encode_chat(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the rendered template up to the assistant's turn."""
        raise NotImplementedError


class LoadedEmbedder:
    identity: WeightsIdentity
    max_tokens: int
    dim: int

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors [len(texts), dim]; a text is cut to `max_tokens`."""
        raise NotImplementedError

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        raise NotImplementedError


def load_chat_model(directory: Path, *, dtype: DType = "float32") -> LoadedChat:
    raise NotImplementedError


def load_embedder(directory: Path) -> LoadedEmbedder:
    raise NotImplementedError
