"""What each way of keeping states finds again, replayed over the trace through the engine's own cache.

The network computes nothing and its memory has no bytes: pages, snapshots, tree and eviction are those that serve.
Engines that keep states of hybrids place one every so many tokens and let the least recently used go; the periods
are run over our eviction too, which tells what placing alone is worth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks import ours, trace
from benchmarks.report import Figure, Report
from benchmarks.shapes import checkpoint
from secretariat.models.core import SamplingParams
from secretariat.models.engine.eviction import Worth
from secretariat.models.engine.request import Generation
from secretariat.models.engine.store import EngineMemory, Store
from secretariat.models.engine.tree import Mark, Node
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.network import Arithmetic, Commit

SHAPE = "granite-h-350m-shape"
PERIODS = (256, 512, 1024)
OURS = "declared"
EQUAL_MB = (300, 500, 1000)
_LEAST_MB, _MOST_MB, _STEP_MB = 200, 3200, 20


class Uncomputed:
    """A Network of the hybrid's sizes without numbers."""

    step_tokens = 2 * trace.PROMPT
    adapters = None
    arithmetic = Arithmetic("none", "none", 1, "none", exact=True)

    def __init__(self, config: DecoderConfig) -> None:
        self.config = config

    def allocate(self, size: MemorySize) -> None:
        self.memory = Memory(self.config, size, "meta")

    def forward(self, batch: StepBatch) -> Tensor:
        return torch.zeros(len(batch.logits_M), self.config.vocab)

    def commit(self, commits: Sequence[Commit]) -> None:
        """Nothing was held."""


class Periodic(Store):
    """Keeps a state every so many tokens, of prompts and of answers, and nowhere else."""

    period = 0

    def _schedule_marks(self, generation: Generation) -> None:
        first = generation.computed // self.period + 1
        generation.due = [n * self.period for n in range(first, generation.capacity // self.period + 1)]

    def mark(
        self,
        generation: Generation,
        *,
        readers: int = 0,  # noqa: ARG002 - all states are worth keeping
        exact: bool = False,
        interim: bool = False,
    ) -> bool:
        return super().mark(generation, exact=exact, interim=interim)

    def leave(self, generation: Generation) -> None:
        self.remember(generation)


class Equal(Worth):
    """No state is worth less for having been read once: a period has no other to fall back on."""

    def is_spare(self, item: Node | Mark) -> bool:
        return isinstance(item, Node) and super().is_spare(item)


class Recency(Worth):
    """The least recently used goes first, be it page or state."""

    def of(self, item: Node | Mark) -> float:  # noqa: ARG002 - all are worth the same
        return 0.0

    def is_spare(self, item: Node | Mark) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class Policy:
    """`period` 0: where the caller declares."""

    name: str
    period: int = 0
    worth: type[Worth] = Worth

    def store(self, config: DecoderConfig, megabytes: int) -> Store:
        size = EngineMemory.of_bytes(config, megabytes * 10**6, slots=1, kv_dtype=torch.bfloat16)
        if not self.period:
            return Store(Uncomputed(config), size, gap=64, held=1, worth=self.worth)
        store = Periodic(Uncomputed(config), size, gap=64, held=1, worth=self.worth)
        store.period = self.period
        return store


POLICIES = (
    Policy(OURS),
    *(Policy(f"every {n}", n, Recency) for n in PERIODS),
    *(Policy(f"every {n}, our eviction", n, Equal) for n in PERIODS),
)


def figures(report: Report) -> None:
    config = open_checkpoint(checkpoint(SHAPE)).config
    encode = load_chat_model(ours.SMOLLM2).tokenizer.encode
    asked = trace.requests(trace.tokens_of(encode))
    wanted = trace.ENOUGH * trace.known(asked)
    needed = {policy.name: megabytes_for(policy, config, asked, wanted) for policy in POLICIES}
    report.note(f"MB that find {trace.ENOUGH:.0%} of {trace.known(asked)} known tokens", needed)
    for megabytes in EQUAL_MB:
        found = {policy.name: Replay(policy.store(config, megabytes)).all(asked) for policy in POLICIES}
        report.note(
            f"hit tokens per MB of {megabytes}", {who: hits // megabytes for who, hits in found.items()}
        )
    peers = min(needed[f"every {n}"] for n in PERIODS)
    report.add(Figure("hit tokens per MB, at equal hits, against the best period", peers / needed[OURS], 1.5))


def megabytes_for(policy: Policy, config: DecoderConfig, asked: Sequence[trace.Asked], wanted: float) -> int:
    """The smallest budget, in steps, with which the policy finds so many tokens."""
    return smallest(
        lambda megabytes: Replay(policy.store(config, megabytes)).all(asked) >= wanted,
        range(_LEAST_MB, _MOST_MB + 1, _STEP_MB),
    )


def smallest(enough: Callable[[int], bool], sizes: Sequence[int]) -> int:
    """The first of ascending sizes that is enough; the last if none is."""
    low, high = 0, len(sizes) - 1
    while low < high:
        middle = (low + high) // 2
        if enough(sizes[middle]):
            high = middle
        else:
            low = middle + 1
    return sizes[low]


class Replay:
    """Requests one after another through a store, as the scheduler would drive it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.hits = 0

    def all(self, asked: Sequence[trace.Asked]) -> int:
        """Tokens that were not computed again."""
        for one in asked:
            self.one(one)
        return self.hits

    def one(self, asked: trace.Asked) -> None:
        sampling = SamplingParams(max_tokens=len(asked.answer))
        generation = Generation(
            asked.tenant, asked.prompt, sampling, lambda _: None, boundaries=asked.boundaries
        )
        assert self._store.seat(generation, 0), "the budget holds one request"
        self.hits += generation.computed
        self._compute(generation)
        generation.tokens.extend(asked.answer)
        self._compute(generation)
        self._store.leave(generation)
        self._store.free(generation)

    def _compute(self, generation: Generation) -> None:
        while generation.remaining:
            ahead = min([len(generation.tokens), *generation.due[:1]])
            assert self._store.grow(generation, ahead), "the budget holds one request"
            generation.computed = ahead
            self._store.settle(generation)
