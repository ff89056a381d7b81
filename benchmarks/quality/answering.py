"""One model that answers prompts, by itself, with an adapter or with experts of its own.

The engine is in this process and has several at once. Knows no set and no score.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from benchmarks.ours import MODELS, THREADS
from benchmarks.quality.weighing import EMBEDDER
from secretariat.models.adapters.svf import read_basis
from secretariat.models.core import CallContext, ChatRequest, ChatResult
from secretariat.models.engine.embedding import LocalEmbedder
from secretariat.models.engine.local import EngineOptions, LocalChat, load_chat
from secretariat.models.engine.scheduler import Limits
from secretariat.models.experts.router import asked as words_of
from secretariat.models.experts.team import Team, read_team, weights_folder
from secretariat.models.nets.adapters import AdapterPlan, SvfBasis
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load_encoder import load_embedder
from secretariat.models.training.data.forms import Asked

_AT_ONCE = 8
_LARGEST_RANK = 64
_CALL = CallContext("benchmark", "quality")


@dataclass(frozen=True, slots=True)
class Named:
    """A model by name or folder, and an adapter's folder, as `NAME` or `NAME+FOLDER`."""

    model: str
    adapter: Path | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        model, _, adapter = text.partition("+")
        return cls(model, Path(adapter) if adapter else None)

    def __str__(self) -> str:
        return f"{Path(self.model).name}+{self.adapter.name}" if self.adapter else Path(self.model).name

    @property
    def folder(self) -> Path:
        return Path(self.model) if Path(self.model).is_dir() else MODELS / self.model


class Answerer:
    """Use it as a context: the engine's thread ends with it."""

    def __init__(self, named: Named) -> None:
        self.named = named
        self._adapter = "tried" if named.adapter else None
        self._team = None if named.adapter else read_team(named.folder)  # an adapter acts instead of experts
        self._chat = load_chat(weights_folder(named.folder), _options(named, self._team))
        self._embedder = (
            None if self._team is None else LocalEmbedder(load_embedder(EMBEDDER, threads=THREADS))
        )
        self.seconds = 0.0
        self.prompt_tokens = self.cached_tokens = self.drawn_tokens = 0

    def __enter__(self) -> Self:
        self._chat.start()
        own = {"tried": self.named.adapter} if self.named.adapter else {}
        for name, folder in (own if self._team is None else self._team.adapters).items():
            assert self._chat.adapters is not None
            self._chat.adapters.load(name, folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._chat.close()
        if self._embedder is not None:
            self._embedder.close()

    @property
    def chat(self) -> LocalChat:
        return self._chat

    def answers(self, asked: Sequence[Asked]) -> list[ChatResult]:
        """In the order of the questions."""
        began = time.perf_counter()
        results = asyncio.run(self._all(asked))
        self.seconds += time.perf_counter() - began
        for each in results:
            self.prompt_tokens += each.usage.prompt_tokens
            self.cached_tokens += each.usage.cached_tokens
            self.drawn_tokens += each.usage.completion_tokens
        return results

    async def _all(self, asked: Sequence[Asked]) -> list[ChatResult]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(each: Asked) -> ChatResult:
            async with room:
                request = each.request(self._adapter)
                return await self._chat.chat(replace(request, adapter=await self._who(request)), _CALL)

        return list(await asyncio.gather(*map(one, asked)))

    async def _who(self, request: ChatRequest) -> str | None:
        """The adapter that answers: of a model with experts the one that its server would choose."""
        team, embedder = self._team, self._embedder
        if team is None:
            return request.adapter
        if (sure := team.sure(request)) is not None or team.router is None or embedder is None:
            return (sure or team.general).served_name
        (route,) = await team.router.choose([words_of(request.messages)], embedder, _CALL)
        return team.chosen(request, route).served_name


def _options(named: Named, team: Team | None) -> EngineOptions:
    limits = Limits(running=_AT_ONCE)
    if team is not None:
        return EngineOptions(
            threads=THREADS, limits=limits, adapters=AdapterPlan(len(team.adapters), team.rank)
        )
    if named.adapter is None:
        return EngineOptions(threads=THREADS, limits=limits)
    basis = named.adapter.parent / f"{named.folder.name}.basis.safetensors"
    plan = AdapterPlan(1, _LARGEST_RANK, _basis(basis, named.folder) if basis.is_file() else None)
    return EngineOptions(threads=THREADS, limits=limits, adapters=plan)


def _basis(file: Path, model: Path) -> SvfBasis:
    checkpoint = open_checkpoint(model)
    return read_basis(file, checkpoint.config, checkpoint.paths)
