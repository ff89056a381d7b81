"""Five whole models in the room of two: three hundred mixed requests through the server's own shelf."""

import asyncio
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.experts.tasks import CALL, FOLDER
from benchmarks.ours import MODELS, SMOLLM2
from benchmarks.report import Figure, Report
from secretariat.models.core import ChatMessage, ChatRequest, SamplingParams
from secretariat.models.errors import ModelError
from secretariat.models.experts.pool import Turns
from secretariat.models.serving.__main__ import TOKEN_VARIABLE, parse
from secretariat.models.serving.listing import listings
from secretariat.models.serving.loading import loader, sizer
from secretariat.models.serving.shelf import Shelf

EXPERTS, REQUESTS, AT_ONCE, WARM = 5, 300, 16, 2
_SUBJECTS = ("leave", "travel", "invoices", "contracts", "audits", "printers", "visits", "training")


@dataclass(frozen=True)
class Outcome:
    seconds: float
    failures: list[str]
    switches: list[float]


def over_shelf(report: Report, requests: int = REQUESTS) -> None:
    """The same requests with room for all and with room for two."""
    models = _models(report)
    small = asyncio.run(_served(models, requests, room=2))
    large = asyncio.run(_served(models, requests, room=EXPERTS))
    report.note("five experts: seconds", {"room for two": small.seconds, "room for all": large.seconds})
    report.note("five experts: switches", len(small.switches))
    report.note("five experts: switch, median ms", 1e3 * float(np.median(small.switches)))
    if small.failures:
        report.note("five experts: failures", small.failures[:3])
    report.add(Figure("five experts: failed requests", len(small.failures), 0, "", least=False))
    slowest = 1e3 * float(np.quantile(small.switches, 0.95))
    report.add(Figure("five experts: switch, 95th percentile", slowest, 50, "ms", least=False))
    report.add(
        Figure("five experts: time beside all resident", small.seconds / large.seconds, 1.3, least=False)
    )


def _models(report: Report) -> dict[str, Path]:
    whole = sorted(path for path in (FOLDER / "whole").glob("*") if path.is_dir() and not path.is_symlink())
    if len(whole) >= EXPERTS:
        return {path.name: path for path in whole[:EXPERTS]}
    report.note(
        "five experts: models", f"{FOLDER / 'whole'} has {len(whole)} of {EXPERTS}: the base, five times"
    )
    return {f"expert-{number}": next(SMOLLM2.glob("*.gguf")) for number in range(EXPERTS)}


async def _served(models: dict[str, Path], requests: int, *, room: int) -> Outcome:
    named = [part for name, path in models.items() for part in ("--model", f"{name}={path}")]
    os.environ.setdefault(TOKEN_VARIABLE, "nobody listens in this process")
    options = parse(["--port", "1", "--models-dir", str(MODELS), "--contexts", "1", *named])
    listed = listings(MODELS, models, ())
    each = max(sizer(options)(listing) for listing in listed.values())
    names = list(listed)
    shelf = Shelf(
        listed, loader(options), chat=names[0], embedder=names[0], budget=room * each, size=sizer(options),
        turns=Turns(patience=120.0),
    )  # fmt: skip
    for _ in range(WARM):  # each has been loaded and put away before: what is measured is coming back
        for name in names:
            await _asked(shelf, name, "Hello.")
    shelf.pool.switches.clear()
    failures: list[str] = []
    began = time.perf_counter()
    await _crowd(shelf, names, requests, failures)
    seconds = time.perf_counter() - began
    switches = [switch.seconds for switch in shelf.pool.switches]
    await shelf.close()
    return Outcome(seconds, failures, switches or [0.0])


async def _crowd(shelf: Shelf, names: list[str], requests: int, failures: list[str]) -> None:
    draw, room = random.Random(5), asyncio.Semaphore(AT_ONCE)  # noqa: S311 - a mixture, no secret
    asked = [(draw.choice(names), draw.choice(_SUBJECTS), number) for number in range(requests)]

    async def one(name: str, subject: str, number: int) -> None:
        async with room:
            try:
                await _asked(shelf, name, f"{number}: what should a newcomer know about {subject}?")
            except ModelError as error:
                failures.append(f"{error.code}: {error.message}")

    await asyncio.gather(*(one(*each) for each in asked))


async def _asked(shelf: Shelf, name: str, words: str) -> None:
    asked = ChatRequest(
        (ChatMessage("user", words),), sampling=SamplingParams(max_tokens=32, ignore_eos=True)
    )
    async with shelf.chat(name) as model:
        await model.chat(asked, CALL)
