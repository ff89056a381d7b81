"""`make bench-exact`: equal bits whatever else is computed, and no way to time another tenant's prefix.

Each row of the matrix is a model, each column a way of running one request: in company, its prompt cut into
pieces, behind a cached prefix, thrown out half way, with right and wrong drafts. What is compared is the SHA-256
of every row of logits that a token was drawn from.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmarks import ours
from benchmarks.report import Figure, Report, proven
from benchmarks.shapes import checkpoint
from benchmarks.timing_attack import separability
from secretariat.models.engine import engine as engine_module
from secretariat.models.engine.drawing import Drawer
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.store import EngineMemory
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.nets.load import Form
from secretariat.models.nets.network import Network
from tests.models.engine.hybrid import WINDOWED, exact_hybrid
from tests.models.nets.families import family

LENGTH, GENERATED = 150, 24
_TINY = ("mixtral", "olmoe", "jamba", "mamba", "mamba2", "granite", "dbrx", "cohere2")
Bits = Mapping[int, str]


def main() -> int:
    torch.set_num_threads(ours.THREADS)
    proven("tests/models/kernels", "tests/models/engine")
    report = Report("exact")
    engine_module.Drawer = Witness  # type: ignore[misc]
    equal = 0
    with tempfile.TemporaryDirectory() as scratch:
        models = _models(Path(scratch))
        print(f"{'':32}" + "".join(f"{name:>12}" for name in SCENARIOS))
        for name, make in models.items():
            row = _row(make)
            equal += all(row.values())
            print(
                f"{name:32}" + "".join(f"{'equal' if same else 'DIFFERS':>12}" for same in row.values()),
                flush=True,
            )
            report.notes[name] = row
    report.add(Figure("models whose every row of the matrix is equal", equal, len(models), ""))
    report.add(Figure("timing attack over 2,000 probes: AUC", separability(report), 0.55, "", least=False))
    return report.close()


def _models(scratch: Path) -> dict[str, Callable[[], Network]]:
    forms: tuple[tuple[str, Path, Form | None], ...] = (
        ("SmolLM2-135M, as stored", ours.SMOLLM2, None),
        ("SmolLM2-135M, bfloat16", ours.SMOLLM2, "bfloat16"),
        ("Granite-H-350M shape, bfloat16", checkpoint("granite-h-350m-shape"), "bfloat16"),
        ("Granite-H-350M shape, q4", checkpoint("granite-h-350m-shape"), "q4"),
        ("Jamba-343M shape, bfloat16", checkpoint("jamba-343m-shape"), "bfloat16"),
    )
    made = {name: (lambda d=d, f=f: ours.network(d, f)) for name, d, f in forms}
    for name in _TINY:
        directory = family(name, scratch).directory
        made[f"tiny {name}, float32"] = lambda d=directory: ours.network(d, "float32")
    made["tiny with windows in slots"] = lambda: exact_hybrid(WINDOWED, step_tokens=32)
    return made


class Witness(Drawer):
    """Remembers the bits of every row that a token was drawn from."""

    seen: ClassVar[dict[Generation, dict[int, str]]] = {}

    def advance(
        self, generation: Generation, logits_KV: Tensor, foreseen_K: Sequence[int] | None = None
    ) -> Emission:
        before = len(generation.tokens)
        rows = [hashlib.sha256(row.numpy().tobytes()).hexdigest() for row in logits_KV]
        emission = super().advance(generation, logits_KV, foreseen_K)
        bits = self.seen.setdefault(generation, {})
        bits |= {before + i: rows[i] for i in range(min(len(rows), len(generation.tokens) - before))}
        return emission


class Foretold:
    """Drafts that are right for two tokens and then wrong, right for none, right for all: in turn."""

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens
        self._turn = 0

    def propose(self, generation: Generation, limit: int) -> list[int]:
        known = len(generation.tokens)
        if generation.tokens[:known] != self._tokens[:known]:
            return []
        self._turn += 1
        right = self._tokens[known : known + (2, 0, 5)[self._turn % 3]]
        return [*right, (generation.tokens[-1] + 1) % 90][: min(limit, 6)]


class Bench:
    """One engine over a fresh network, and what it said of the request that is watched."""

    def __init__(self, net: Network, *, foretold: list[int] | None = None, **limits: int) -> None:
        memory = EngineMemory(pages=200, slots=10, snapshots=12, kv_dtype=torch.bfloat16)
        self.vocab = net.config.vocab
        self.engine = Engine(
            net, _vocabulary(self.vocab), memory=memory,
            limits=replace(Limits(gap=8), **limits), drafter=Foretold(foretold) if foretold else None,
        )  # fmt: skip

    def prompt(self, seed: int, length: int = LENGTH) -> list[int]:
        return np.random.default_rng(seed).integers(2, min(self.vocab, 40000), length).tolist()

    def ask(self, prompt: list[int], *, tenant: str = "a", boundaries: tuple[int, ...] = ()) -> ours.Timed:
        timed = ours.Timed(prompt, tokens=GENERATED, speculate=True, tenant=tenant, boundaries=boundaries)
        self.engine.submit(timed.generation)
        return timed

    def finish(self, *asked: ours.Timed) -> None:
        while not all(one.generation.over for one in asked):
            self.engine.step()
        for one in asked:
            if one.failed is not None:
                raise one.failed


def _vocabulary(size: int) -> Vocabulary:
    """A token for each logit: what the text is doesn't matter here."""
    tokens = [f"<{i}>".encode() for i in range(size)]
    return Vocabulary(tokens, frozenset({0}), frozenset({0, 1}), lambda text: [len(text)], None)


def _alone(net: Network, **limits: int) -> tuple[Bits, list[int]]:
    bench = Bench(net, **limits)
    asked = bench.ask(bench.prompt(1))
    bench.finish(asked)
    return Witness.seen.pop(asked.generation), asked.generation.tokens


def _in_company(others: int) -> Callable[[Network, list[int]], Bits]:
    def run(net: Network, _: list[int]) -> Bits:
        bench = Bench(net)
        company = [bench.ask(bench.prompt(10 + i, 20 + 31 * i), tenant="b") for i in range(others)]
        asked = bench.ask(bench.prompt(1))
        bench.finish(asked, *company)
        return Witness.seen[asked.generation]

    return run


def _cut(tokens: int) -> Callable[[Network, list[int]], Bits]:
    return lambda net, _: _alone(net, step_tokens=tokens)[0]


def _behind_a_prefix(net: Network, _: list[int]) -> Bits:
    bench = Bench(net)
    prompt = bench.prompt(1)
    bench.finish(bench.ask(prompt[:101], boundaries=(77,)))
    asked = bench.ask(prompt)
    bench.finish(asked)
    assert asked.generation.cached > 0, "nothing was found in the cache"
    return Witness.seen[asked.generation]


def _thrown_out(net: Network, _: list[int]) -> Bits:
    bench = Bench(net, running=1, quantum=8, step_tokens=32)
    asked = bench.ask(bench.prompt(1))
    for _step in range(8):
        bench.engine.step()
    other = bench.ask(bench.prompt(2), tenant="b")
    bench.finish(asked, other)
    assert bench.engine.metrics.preemptions > 0, "nobody was thrown out"
    return Witness.seen[asked.generation]


def _with_drafts(net: Network, tokens: list[int]) -> Bits:
    bench = Bench(net, foretold=tokens)
    asked = bench.ask(bench.prompt(1))
    bench.finish(asked)
    found = bench.engine.metrics
    assert 0 < found.drafts_accepted < found.drafts_proposed, "drafts must be both right and wrong"
    return Witness.seen[asked.generation]


SCENARIOS: Mapping[str, Callable[[Network, list[int]], Bits]] = {
    "batch 2": _in_company(1), "batch 7": _in_company(6),
    "chunk 1": _cut(1), "chunk 16": _cut(16), "chunk 64": _cut(64),
    "prefix hit": _behind_a_prefix, "preempted": _thrown_out, "speculated": _with_drafts,
}  # fmt: skip


def _row(make: Callable[[], Network]) -> dict[str, bool]:
    """Against the request alone, in the largest pieces, from an empty cache."""
    expected, tokens = _alone(make())
    assert len(expected) == GENERATED
    found = {name: scenario(make(), tokens) for name, scenario in SCENARIOS.items()}
    Witness.seen.clear()
    return {name: bits == expected for name, bits in found.items()}


if __name__ == "__main__":
    sys.exit(main())
