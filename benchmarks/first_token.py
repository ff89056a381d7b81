"""The first token behind a shared prefix on a hybrid, and what each policy of keeping states is worth.

The time is measured on the 350M shape with real arithmetic. The policies are replayed over a trace of 384 requests
through the engine's own cache with a network that computes nothing: only where states lie is compared.
"""

from collections.abc import Sequence
from statistics import median

import numpy as np
import torch
from torch import Tensor

from benchmarks import ours, trace
from benchmarks.report import Figure, Report
from benchmarks.shapes import checkpoint
from secretariat.models.core import SamplingParams
from secretariat.models.engine.request import Generation
from secretariat.models.engine.store import EngineMemory, Store
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.network import Arithmetic, Commit

SHAPE = "granite-h-350m-shape"
PROMPT, SHARED = 4096, 0.9
BUDGET_MB = 1000
PERIODS = (256, 512, 1024)


def figures(report: Report) -> None:
    cold, warm = _times()
    report.note("time to first token, s", {"without": round(cold, 3), "with 90 % cached": round(warm, 3)})
    report.add(Figure("first token, 90 % shared prefix, hybrid: faster by", cold / warm, 8))
    found = {
        name: _hits(policy) for name, policy in {"declared": 0, **{f"every {n}": n for n in PERIODS}}.items()
    }
    report.note("hit tokens per MB", {name: round(value) for name, value in found.items()})
    best = max(value for name, value in found.items() if name != "declared")
    report.add(Figure("hit tokens per MB against the best period", found["declared"] / best, 1.5))


def _times() -> tuple[float, float]:
    """Medians of three: without and with the cache."""
    text = load_chat_model(ours.SMOLLM2)
    vocabulary = Vocabulary.of(text.tokenizer, text.eos_ids)
    net = ours.network(checkpoint(SHAPE), "bfloat16")
    engine = ours.engine_of(net, vocabulary, streams=1, length=4 * PROMPT, snapshots=8)
    draw = np.random.default_rng(2)
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(3):
        shared = draw.integers(100, 40000, int(SHARED * PROMPT)).tolist()
        for taken in times.values():
            prompt = shared + draw.integers(100, 40000, PROMPT - len(shared)).tolist()
            timed = ours.Timed(prompt, tokens=1, speculate=False, boundaries=(len(shared),))
            taken.append(ours.run(engine, timed).time_to_first)
    return median(times["cold"]), median(times["warm"])


class Uncomputed:
    """A Network of the hybrid's sizes that leaves its memory as it is."""

    step_tokens = 2 * PROMPT
    adapters = None
    arithmetic = Arithmetic("none", "none", 1, "none", exact=True)

    def __init__(self, config: DecoderConfig) -> None:
        self.config = config

    def allocate(self, size: MemorySize) -> None:
        self.memory = Memory(self.config, size)

    def forward(self, batch: StepBatch) -> Tensor:
        return torch.zeros(len(batch.logits_M), self.config.vocab)

    def commit(self, commits: Sequence[Commit]) -> None:
        """Nothing was held."""


class Periodic(Store):
    """Keeps a state every so many tokens and nowhere else."""

    period = 0

    def _schedule_marks(self, generation: Generation, matched: int) -> None:
        if not self.period:
            super()._schedule_marks(generation, matched)
            return
        first = generation.computed // self.period + 1
        generation.due = [n * self.period for n in range(first, len(generation.prompt) // self.period + 1)]

    def leave(self, generation: Generation) -> None:
        if not self.period:
            super().leave(generation)
        else:
            self.remember(generation)


def _hits(period: int) -> float:
    """Tokens that were not computed again, for each MB of the budget."""
    config = open_checkpoint(checkpoint(SHAPE)).config
    size = EngineMemory.of_bytes(config, BUDGET_MB * 10**6, slots=1, kv_dtype=torch.bfloat16)
    store = Periodic(Uncomputed(config), size, gap=64, held=1)
    store.period = period
    encode = load_chat_model(ours.SMOLLM2).tokenizer.encode
    hits = 0
    for asked in trace.requests(trace.tokens_of(encode)):
        generation = Generation(
            asked.tenant,
            asked.prompt,
            SamplingParams(max_tokens=1),
            lambda _: None,
            boundaries=asked.boundaries,
        )
        assert store.seat(generation, 0), "the budget holds one prompt"
        hits += generation.computed
        while generation.computed < len(generation.prompt):
            ahead = generation.due[0] if generation.due else len(generation.prompt)
            assert store.grow(generation, ahead)
            generation.computed = ahead
            store.settle(generation)
        store.leave(generation)
        store.free(generation)
    return hits / BUDGET_MB
