"""A server in this process over the toy model: real HTTP on loopback, no weights."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import uvicorn
from torch import Tensor

from secretariat.models.engine.local import EngineOptions, LocalChat, LocalEmbedder, LocalModels
from secretariat.models.engine.scheduler import Limits
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.kv import KVPool
from secretariat.models.nets.load import WeightsIdentity
from secretariat.models.serving.app import create_app
from secretariat.models.serving.bridge import Bridge
from tests.models.engine.toy import CONFIG, random_decoder, toy_chat
from tests.models.serving.ports import free_port

TOKEN = "a-service-token-for-tests"
STEP_SECONDS = 0.02


class UnhurriedDecoder(Decoder):
    """Takes its time over a step, as a large model does, so that a test can act in the middle of an answer."""

    def forward(self, batch: StepBatch, kv: KVPool) -> Tensor:
        time.sleep(STEP_SECONDS)
        return super().forward(batch, kv)


class LetterCounts:
    """An embedder whose vectors say how often the first letters of the alphabet occur."""

    identity = WeightsIdentity("letters", "1" * 64, "float32")
    dim = 8
    max_tokens = 64

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        counts = np.array([[1 + text.count(c) for c in "abcdefgh"] for text in texts], np.float32)
        lengths = np.sqrt((counts * counts).sum(axis=1, keepdims=True))
        return np.asarray(counts / lengths, np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


@dataclass(frozen=True)
class ToyServer:
    url: str
    models: LocalModels

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}", "X-Secretariat-Tenant": "tests"}


@contextlib.contextmanager
def serve_toy() -> Iterator[ToyServer]:
    decoder = UnhurriedDecoder(CONFIG)
    decoder.load_state_dict(random_decoder().state_dict())
    chat = LocalChat(toy_chat(decoder), EngineOptions(limits=Limits(running=4, waiting=4))).start()
    models = LocalModels(chat, LocalEmbedder(LetterCounts()))
    port = free_port()
    app = create_app(Bridge(lambda: models), TOKEN)
    config = uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield ToyServer(f"http://127.0.0.1:{port}", models)
    finally:
        server.should_exit = True
        thread.join()
