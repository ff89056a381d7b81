"""One chat model with its adapters, asked many things at once."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from benchmarks.experts.tasks import CALL, FOLDER, Task
from benchmarks.ours import MODELS, THREADS
from secretariat.models.adapters.files import VECTOR
from secretariat.models.adapters.svf import read_basis
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.core import ChatRequest, ChatResult
from secretariat.models.engine.local import EngineOptions, LocalChat, load_chat
from secretariat.models.engine.scheduler import Limits
from secretariat.models.nets.adapters import AdapterPlan, SvfBasis
from secretariat.models.nets.checkpoint import open_checkpoint

_AT_ONCE = 8


class Answering:
    """Use it as a context. `adapters`: folders by name."""

    def __init__(self, model: str, adapters: Mapping[str, Path]) -> None:
        directory = MODELS / model
        basis, ranks = None, [0]
        for folder in adapters.values():
            if (folder / VECTOR).is_file():
                basis = basis or _basis(model)
            else:
                ranks.append(int(read_json(folder / "adapter_config.json")["r"]))
        plan = AdapterPlan(max(1, len(adapters)), max(ranks), basis)
        options = EngineOptions(threads=THREADS, limits=Limits(running=_AT_ONCE), adapters=plan)
        self.chat: LocalChat = load_chat(directory, options)
        self._adapters = dict(adapters)

    def __enter__(self) -> Self:
        self.chat.start()
        assert self.chat.adapters is not None
        for name, folder in self._adapters.items():
            self.chat.adapters.load(name, folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.chat.close()

    def answers(self, tasks: Sequence[Task], adapter: str | None = None) -> list[ChatResult]:
        return self.asked([replace(task.request, adapter=adapter) for task in tasks])

    def asked(self, requests: Sequence[ChatRequest]) -> list[ChatResult]:
        """In their order, several at once, from an empty cache."""
        self.chat.engine.forget(CALL.tenant)
        return asyncio.run(self._all(requests))

    async def _all(self, requests: Sequence[ChatRequest]) -> list[ChatResult]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(request: ChatRequest) -> ChatResult:
            async with room:
                return await self.chat.chat(request, CALL)

        return list(await asyncio.gather(*map(one, requests)))

    def seconds(self, requests: Sequence[ChatRequest]) -> list[float]:
        """Of each alone, from a cache without it."""
        found = []
        for request in requests:
            self.chat.engine.forget(CALL.tenant)
            began = time.perf_counter()
            asyncio.run(self.chat.chat(request, CALL))
            found.append(time.perf_counter() - began)
        return found


def _basis(model: str) -> SvfBasis:
    checkpoint = open_checkpoint(MODELS / model)
    return read_basis(FOLDER / f"{model}.basis.safetensors", checkpoint.config, checkpoint.paths)
