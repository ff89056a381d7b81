"""A server in this process over the toy model: real HTTP on loopback, no weights."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import uvicorn
from torch import Tensor

from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.local import EngineOptions, LocalChat, LocalModels
from secretariat.models.engine.scheduler import Limits
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.load import WeightsIdentity
from secretariat.models.serving.app import create_app
from secretariat.models.serving.listing import Listing
from secretariat.models.serving.shelf import Shelf
from tests.models.engine.toy import random_decoder, toy_chat
from tests.models.serving.ports import free_port

TOKEN = "a-service-token-for-tests"
STEP_SECONDS = 0.02


class UnhurriedNetwork(TorchNetwork):
    """Takes its time over a step, as a large model does, so that a test can act in the middle of an answer."""

    def forward(self, batch: StepBatch) -> Tensor:
        time.sleep(STEP_SECONDS)
        return super().forward(batch)


class ScriptedNetwork(TorchNetwork):
    """Wants to say `script` over and over, a byte a token; an answer begins somewhere in it."""

    def __init__(self, script: str) -> None:
        super().__init__(random_decoder())
        self._script = script.encode()

    def forward(self, batch: StepBatch) -> Tensor:
        logits_MV = super().forward(batch).clone()
        for row, position in enumerate(batch.positions_N[batch.logits_M]):
            logits_MV[row, self._script[position % len(self._script)]] += 1000
        return logits_MV


class LetterCounts:
    """An embedder whose vectors say how often the first letters of the alphabet occur."""

    identity = WeightsIdentity("letters", "1" * 64, "float32")
    arithmetic = None
    dim = 8
    max_tokens = 64

    def embed_counted(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        counts = np.array([[1 + text.count(c) for c in "abcdefgh"] for text in texts], np.float32)
        lengths = np.sqrt((counts * counts).sum(axis=1, keepdims=True))
        return np.asarray(counts / lengths, np.float32), sum(self.count_tokens(texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def token_vectors(self, texts: Sequence[str]) -> list[npt.NDArray[np.float16]]:
        """A token a letter, each unlike all others, between two that frame the text."""
        rows = [[0, *("abcdefgh".index(letter) for letter in text), 0] for text in texts]
        return [np.eye(8, dtype=np.float16)[row] for row in rows]


@dataclass(frozen=True)
class ToyServer:
    url: str
    models: LocalModels

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}


@contextlib.contextmanager
def serve_toy() -> Iterator[ToyServer]:
    options = EngineOptions(limits=Limits(running=4, waiting=4))
    with serve_chat(LocalChat(toy_chat(UnhurriedNetwork(random_decoder())), options)) as server:
        yield server


@contextlib.contextmanager
def serve_chat(chat: LocalChat) -> Iterator[ToyServer]:
    """This chat model as "toy", and the embedder as "letters"."""
    models = LocalModels(chat.start(), LocalEmbedder(LetterCounts()))
    listed = {
        "toy": Listing("toy", "chat", Path(), 1),
        "letters": Listing("letters", "embedding", Path(), 1),
    }
    loaded: dict[str, LocalChat | LocalEmbedder] = {"toy": chat, "letters": models.embedder}
    shelf = Shelf(listed, lambda listing: loaded[listing.name], chat="toy", embedder="letters")
    with serve(shelf) as url:
        yield ToyServer(url, models)


@contextlib.contextmanager
def serve(shelf: Shelf, adapters_dir: Path | None = None) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    port = free_port()
    config = uvicorn.Config(
        create_app(shelf, TOKEN, adapters_dir), port=port, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
