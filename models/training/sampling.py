"""Answers drawn from the engine, with what is learnt so far as the adapter of every request.

One thread drives it and every draw has a seed of its own, so the same weights give the same answers, whatever
else is asked in the same round. Knows no rewards and no gradients.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.pages import pages_for
from secretariat.models.engine.request import AdapterUse, Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import Adapter, acts_from
from secretariat.models.nets.load import LoadedChat
from secretariat.models.training.acting import header_of
from secretariat.models.training.examples import Task

_RUNNING, _TENANT, _ROW = 16, "training", 1


@dataclass(frozen=True, slots=True)
class Answer:
    """`tokens` as drawn, without the one that ends an answer; `ended`: whether that was drawn. `cached`: how many
    of the prompt's tokens had been computed before."""

    tokens: tuple[int, ...]
    text: str
    ended: bool
    cached: int


class Sampler:
    """`loaded` has room for one adapter and no memory yet. `longest`: tokens of a prompt and its answer."""

    def __init__(self, loaded: LoadedChat, longest: int) -> None:
        assert loaded.network.adapters is not None, "the network makes room for an adapter"
        self._rows = loaded.network.adapters
        self._engine = Engine(
            loaded.network,
            Vocabulary.of(loaded.tokenizer, loaded.eos_ids),
            memory=EngineMemory(_RUNNING * pages_for(longest), slots=_RUNNING, snapshots=4 * _RUNNING),
            limits=Limits(running=_RUNNING, waiting=2**31),
        )
        self._header = header_of(loaded)
        self._use = AdapterUse(_ROW, "")

    def learn(self, adapter: Adapter) -> None:
        """Answers come from this adapter from now on; nothing computed with the last one is used again."""
        self._rows.set(_ROW, adapter)
        self._engine.forget(_TENANT)
        self._use = AdapterUse(_ROW, adapter.digest, adapter.acts)

    def answers(self, tasks: Sequence[Task], each: int, sampling: SamplingParams) -> list[list[Answer]]:
        """`each` answers to every task, their seeds derived from that of `sampling`. Raises ModelError."""
        asked = [
            [self._asked(task, _seeded(sampling, number, index)) for index in range(each)]
            for number, task in enumerate(tasks)
        ]
        self._finish(
            [group[0] for group in asked]
        )  # each prompt is computed once, for the others of its group too
        self._finish([one for group in asked for one in group[1:]])
        return [[one.answer() for one in group] for group in asked]

    def _finish(self, asked: Sequence["_Asked"]) -> None:
        for one in asked:
            self._engine.submit(one.generation)
        while not all(one.generation.over for one in asked):
            self._engine.step()

    def _asked(self, task: Task, sampling: SamplingParams) -> "_Asked":
        late_from = acts_from(self._use.acts, len(task.prompt), task.asked, self._header)
        return _Asked(task.prompt, sampling, self._use, late_from)


def _seeded(sampling: SamplingParams, *place: int) -> SamplingParams:
    text = " ".join(map(str, (sampling.seed, *place)))
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    return replace(sampling, seed=seed)


class _Asked:
    def __init__(
        self, prompt: Sequence[int], sampling: SamplingParams, use: AdapterUse, late_from: int
    ) -> None:
        self._events: list[Emission | ModelError] = []
        self.generation = Generation(
            _TENANT, tuple(prompt), sampling, self._events.append, adapter=use, late_from=late_from
        )

    def answer(self) -> Answer:
        """Raises ModelError: what the engine said instead of an answer."""
        text, reason = "", None
        for event in self._events:
            if isinstance(event, ModelError):
                raise event
            text, reason = text + event.text, event.finish_reason
        drawn = self.generation.tokens[len(self.generation.prompt) :]
        return Answer(tuple(drawn), text, reason == "stop", self.generation.cached)
