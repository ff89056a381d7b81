"""Our side: networks driven directly, and engines over them, in this process.

Shape letters: B sequences, T tokens.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.speculate import Drafter
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import Form, LoadedChat, build_network
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Network
from secretariat.models.nets.state import PAGE_SIZE

THREADS = 2
MODELS = Path(__file__).parent.parent / ".secretariat" / "models"
SMOLLM2 = MODELS / "smollm2-135m-instruct"


def network(directory: Path, form: Form | None, *, exact: bool = True, step_tokens: int = 256) -> Network:
    return build_network(
        open_checkpoint(directory), backend="native", form=form, threads=THREADS, exact=exact,
        step_tokens=step_tokens,
    )  # fmt: skip


class Streams:
    """B sequences over a network of its own, without an engine: prefill in steps, then greedy decoding."""

    def __init__(
        self, net: Network, streams: int, length: int, kv_dtype: torch.dtype = torch.bfloat16
    ) -> None:
        each = -(-length // PAGE_SIZE)
        self.net = net
        net.allocate(MemorySize(pages=each * streams, slots=streams, kv_dtype=kv_dtype))
        pages = np.arange(each * streams, dtype=np.int32).reshape(streams, each)
        self._pages = [pages[stream] for stream in range(streams)]
        self._slots = [stream + 1 if net.config.has_state else 0 for stream in range(streams)]
        self.lengths = [0] * streams
        self.adapters = [0] * streams
        self._next = np.zeros(streams, np.int32)

    def prefill(self, tokens_T: Sequence[int], stream: int = 0) -> float:
        """Seconds for the whole prompt of one stream, from an empty past."""
        self.lengths[stream] = 0
        began = time.perf_counter()
        for start in range(0, len(tokens_T), self.net.step_tokens):
            piece = np.asarray(tokens_T[start : start + self.net.step_tokens], np.int32)
            last = start + len(piece) == len(tokens_T)
            rows = np.array([len(piece) - 1] if last else [], np.int32)
            run = Run(start, len(piece), self._pages[stream], self._slots[stream])
            logits_MV = self.net.forward(StepBatch(piece, (run,), rows))
        self.lengths[stream] = len(tokens_T)
        self._next[stream] = int(logits_MV[-1].argmax())
        return time.perf_counter() - began

    def decode(self, steps: int) -> float:
        """Tokens a second of all streams together."""
        began = time.perf_counter()
        for _ in range(steps):
            runs = tuple(
                Run(length, 1, pages, slot, adapter=adapter)
                for length, pages, slot, adapter in zip(
                    self.lengths, self._pages, self._slots, self.adapters, strict=True
                )
            )
            logits_BV = self.net.forward(
                StepBatch(self._next.copy(), runs, np.arange(len(runs), dtype=np.int32))
            )
            self._next = logits_BV.argmax(dim=1).to(torch.int32).numpy()
            self.lengths = [length + 1 for length in self.lengths]
        return steps * len(self.lengths) / (time.perf_counter() - began)


def engine_over(loaded: LoadedChat, *, streams: int = 1, length: int = 4096) -> Engine:
    vocabulary = Vocabulary.of(loaded.tokenizer, loaded.eos_ids)
    return engine_of(loaded.network, vocabulary, streams=streams, length=length)


def engine_of(
    net: Network, vocabulary: Vocabulary, *, streams: int, length: int, snapshots: int = 0
) -> Engine:
    pages = streams * -(-length // PAGE_SIZE)
    return Engine(
        net, vocabulary,
        memory=EngineMemory(pages, max(1, streams), snapshots, kv_dtype=torch.bfloat16),
        limits=Limits(running=streams), drafter=Drafter(vocabulary),
    )  # fmt: skip


class Timed:
    """One generation and when its first and last tokens came."""

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        tokens: int,
        speculate: bool,
        tenant: str = "a",
        boundaries: tuple[int, ...] = (),
    ) -> None:
        sampling = SamplingParams(max_tokens=tokens, ignore_eos=True, speculate=speculate)
        self.began = time.perf_counter()
        self.first = self.last = 0.0
        self.failed: ModelError | None = None
        self.generation = Generation(tenant, tuple(prompt), sampling, self._hear, boundaries=boundaries)

    def _hear(self, event: Emission | ModelError) -> None:
        if isinstance(event, ModelError):
            self.failed = event
        self.last = time.perf_counter()
        self.first = self.first or self.last

    @property
    def decode_rate(self) -> float:
        """Tokens a second after the first."""
        return (self.generation.drawn - 1) / (self.last - self.first)

    @property
    def time_to_first(self) -> float:
        return self.first - self.began


def run(engine: Engine, timed: Timed) -> Timed:
    engine.submit(timed.generation)
    while not timed.generation.over:
        engine.step()
    if timed.failed is not None:
        raise timed.failed
    return timed


class Scorer:
    """Log-likelihood of token sequences, each from an empty past."""

    def __init__(self, net: Network, length: int) -> None:
        self._net = net
        each = -(-length // PAGE_SIZE)
        net.allocate(MemorySize(pages=each, slots=1, kv_dtype=torch.bfloat16))
        self._pages = np.arange(each, dtype=np.int32)
        self._slot = 1 if net.config.has_state else 0

    def loss(self, tokens: Sequence[int]) -> float:
        """Sum of the negative logs of all tokens but the first, in nats."""
        ids = np.asarray(tokens, np.int32)
        rows = np.arange(len(ids), dtype=np.int32)
        batch = StepBatch(ids, (Run(0, len(ids), self._pages, self._slot),), rows)
        logits_TV = self._net.forward(batch).double()
        targets = torch.tensor(tokens[1:])
        return float(torch.nn.functional.cross_entropy(logits_TV[:-1], targets, reduction="sum"))
