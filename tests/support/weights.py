"""Where tests find real weights, and what they load from them once for the whole run."""

import os
from functools import cache
from pathlib import Path

import pytest

from secretariat.models.errors import ModelError
from secretariat.models.pull import locate

CHAT = "smollm2-135m-instruct"
EMBEDDER = "all-minilm-l6-v2"


def models_dir() -> Path:
    named = os.environ.get("SECRETARIAT_MODELS")
    return Path(named) if named else Path(__file__).parents[2] / ".secretariat" / "models"


def weights(name: str) -> Path:
    """The directory of a pulled model; skips the test with the command to run if it isn't there."""
    try:
        return locate(name, models_dir())
    except ModelError as error:
        pytest.skip(error.message)


@cache
def _chat(directory: Path):
    import torch

    from secretariat.models.nets.load import load_chat_model

    torch.set_num_threads(2)
    return load_chat_model(directory)


@cache
def _embedder(directory: Path):
    import torch

    from secretariat.models.nets.load_encoder import load_embedder

    torch.set_num_threads(2)
    return load_embedder(directory)


def chat_model():
    """The chat model in float32 (LoadedChat), loaded once."""
    return _chat(weights(CHAT))


def embedder():
    """The embedder (LoadedEmbedder), loaded once."""
    return _embedder(weights(EMBEDDER))
