"""The first token behind a shared prefix on a hybrid: the 350M shape with real arithmetic."""

from statistics import median

import numpy as np

from benchmarks import ours
from benchmarks.report import Figure, Report
from benchmarks.shapes import checkpoint
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.nets.load import load_chat_model

SHAPE = "granite-h-350m-shape"
PROMPT, SHARED = 4096, 0.9


def figures(report: Report) -> None:
    cold, warm = _times()
    report.note("time to first token, s", {"without": round(cold, 3), "with 90 % cached": round(warm, 3)})
    report.add(Figure("first token, 90 % shared prefix, hybrid: faster by", cold / warm, 8))


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
