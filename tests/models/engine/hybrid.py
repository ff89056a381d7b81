"""A tiny random hybrid of every mixer, exact to the bit in torch: each token is a forward pass of its own.

Shape letters: N tokens of a step, M rows whose logits are wanted, V vocabulary.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.request import AdapterUse, Generation
from secretariat.models.engine.scheduler import Drafter, Limits
from secretariat.models.engine.store import EngineMemory
from secretariat.models.kernels.library import library
from secretariat.models.kernels.linear.packing import Form
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    Mamba1Spec,
    Mamba2Spec,
    MlpSpec,
    NormSpec,
    RopeSpec,
)
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.network import Arithmetic, Commit, Network
from secretariat.models.nets.weights import Values
from tests.models.engine.toy import VOCABULARY, Asked, run
from tests.models.nets.tiny import random_decoder

_NORM = NormSpec()
_ATTENTION = AttentionSpec(heads=2, kv_heads=1, head_dim=8, rope=RopeSpec(100.0, 8))
HYBRID = DecoderConfig(
    vocab=272,
    width=24,
    layers=(
        LayerSpec((Mamba2Spec(heads=2, head_dim=8, state=6, groups=1, conv=4),), None, _NORM),
        LayerSpec((_ATTENTION,), MlpSpec(32), _NORM),
        LayerSpec((Mamba1Spec(inner=24, state=4, conv=4, dt_rank=2),), None, _NORM),
    ),
    norm=_NORM,
    context_length=512,
    tied_embeddings=False,
)
_SEEING = replace(_ATTENTION, window=5, sinks=2)
WINDOWED = replace(
    HYBRID,
    layers=(
        LayerSpec((_SEEING, Mamba2Spec(heads=2, head_dim=8, state=6, groups=1, conv=4)), MlpSpec(32), _NORM),
        LayerSpec((_ATTENTION,), MlpSpec(32), _NORM),
        LayerSpec((replace(_SEEING, window=19, sinks=0),), None, _NORM),
    ),
)


class TokenByToken:
    """A Network over TorchNetwork whose bits depend on nothing but a sequence's own tokens.

    A held run works on a copy of its state and keeps the states after each of its tokens for `commit`. An adapter
    r makes it read each token as the one r further on: another function of the same tokens.
    """

    def __init__(self, config: DecoderConfig = HYBRID, *, seed: int = 0, step_tokens: int = 256) -> None:
        self.inner = TorchNetwork(random_decoder(config, seed, std=0.4), step_tokens=step_tokens)
        self.step_tokens = step_tokens
        self._after: dict[int, list[list[Tensor]]] = {}

    @property
    def config(self) -> DecoderConfig:
        return self.inner.config

    @property
    def memory(self) -> Memory:
        return self.inner.memory

    @property
    def arithmetic(self) -> Arithmetic:
        return replace(self.inner.arithmetic, exact=True)

    @property
    def adapters(self) -> None:
        return None

    def allocate(self, size: MemorySize) -> None:
        self.inner.allocate(size)

    def forward(self, batch: StepBatch) -> Tensor:
        assert len(batch.tokens_N) <= self.step_tokens
        self._after.clear()
        rows: list[Tensor] = []
        for one, start in zip(batch.runs, batch.starts, strict=False):
            tokens: list[int] = batch.tokens_N[start : start + one.count].tolist()
            rows.extend(self._held(one, tokens) if one.held else self._run(one, tokens))
        wanted = [rows[row] for row in batch.logits_M]
        return torch.stack(wanted) if wanted else torch.empty(0, self.config.vocab)

    def _run(self, run: Run, tokens: Sequence[int]) -> list[Tensor]:
        return [self._one(run, at, token) for at, token in enumerate(tokens)]

    def _one(self, run: Run, at: int, token: int) -> Tensor:
        alone = replace(run, start=run.start + at, count=1, held=False, adapter=0)
        token = (token + run.adapter) % self.config.vocab
        return self.inner.forward(StepBatch(np.array([token], np.int32), (alone,), np.array([0], np.int32)))[
            0
        ]

    def _held(self, run: Run, tokens: Sequence[int]) -> list[Tensor]:
        assert run.slot
        assert run.count <= self.memory.size.held
        state = self.memory.slot_arrays(run.slot)
        before = [part.clone() for part in state]
        rows, self._after[run.slot] = [], []
        for at, token in enumerate(tokens):
            rows.append(self._one(run, at, token))
            self._after[run.slot].append([part.clone() for part in state])
        _write(state, before)
        return rows

    def commit(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            if commit.tokens:
                _write(self.memory.slot_arrays(commit.slot), self._after[commit.slot][commit.tokens - 1])


def _write(state: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for part, value in zip(state, values, strict=True):
        part.copy_(value)


def exact_hybrid(
    config: DecoderConfig = HYBRID, form: Form = "float32", *, step_tokens: int = 256
) -> Network:
    """In compiled operations where there is a compiler: quicker, and what is served."""
    made = library()
    if made is None:
        return TokenByToken(config, step_tokens=step_tokens)
    state = random_decoder(config, 0, std=0.4).state_dict()
    weights = {name: Values(value.numpy()) for name, value in state.items()}
    return NativeNetwork(config, weights, made, threads=1, form=form, step_tokens=step_tokens)


CAREFUL = SamplingParams(max_tokens=8, temperature=1.0, seed=5, top_logprobs=1, ignore_eos=True)


def new_hybrid(
    network: Network | None = None,
    *,
    memory: EngineMemory | None = None,
    drafter: Drafter | None = None,
    clock: Callable[[], float] = time.monotonic,
    **limits: Any,
) -> Engine:
    """An engine over the hybrid that keeps a state wherever one is wanted."""
    return Engine(
        network or exact_hybrid(),
        VOCABULARY,
        memory=memory or EngineMemory(pages=96, slots=8, snapshots=24),
        limits=Limits(**{"gap": 4, **limits}),
        drafter=drafter,
        clock=clock,
    )


def prompt_of(length: int, seed: int = 0) -> list[int]:
    tokens: list[int] = np.random.default_rng([seed, length]).integers(256, size=length).tolist()
    return tokens


class Request(Asked):
    """`bits`: the tokens of the answer, each with its log-probability: equal only where all logits were."""

    def __init__(
        self,
        prompt: Sequence[int],
        sampling: SamplingParams = CAREFUL,
        *,
        boundaries: Sequence[int] = (),
        adapter: AdapterUse | None = None,
        origin: str | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(prompt, sampling, **rest)
        self.generation.boundaries = tuple(boundaries)
        self.generation.adapter = adapter
        self.generation.origin = origin

    @property
    def bits(self) -> list[tuple[int, float]]:
        drawn = [drawn for event in self.events if isinstance(event, Emission) for drawn in event.drawn]
        return list(zip(self.tokens, (d.logprob for d in drawn), strict=True))

    @property
    def cached(self) -> int:
        return self.generation.cached

    @property
    def cancelled(self) -> bool:
        return isinstance(self.last, Emission) and self.last.finish_reason == "cancelled"


Make = Callable[[], Network]


def alone(
    prompt: Sequence[int],
    sampling: SamplingParams = CAREFUL,
    adapter: AdapterUse | None = None,
    make: Make = exact_hybrid,
) -> list[tuple[int, float]]:
    """The bits that a request gets in an engine of its own: no batch, no cache, one piece."""
    return _alone(tuple(prompt), sampling, adapter, make)


@cache
def _alone(
    prompt: tuple[int, ...], sampling: SamplingParams, adapter: AdapterUse | None, make: Make
) -> list[tuple[int, float]]:
    request = Request(prompt, sampling, adapter=adapter)
    run(new_hybrid(make()), request)
    return request.bits


class Oracle:
    """Proposes what will be drawn, `right` tokens of it and `wrong` ones behind, as the script says in turn."""

    def __init__(self, *script: tuple[int, int], make: Make = exact_hybrid) -> None:
        self._script = itertools.cycle(script)
        self._make = make

    def propose(self, generation: Generation, limit: int) -> list[int]:
        right, wrong = next(self._script)
        drawn = alone(generation.prompt, generation.sampling, generation.adapter, self._make)
        future = [token for token, _ in drawn]
        guesses = future[generation.drawn : generation.drawn + right]
        if len(guesses) < right:
            return guesses[:limit]
        after = future[generation.drawn + right :]
        return [*guesses, *((token + 1) % 256 for token in after[:wrong])][:limit]
