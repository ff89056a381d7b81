"""Answers over retrieved text: what prompt lookup gains, against llama.cpp with and without its own.

Each prompt holds a passage of the handbook and asks to repeat what it says of its subject: the case that
speculation is for. Both sides decode greedily, one stream, the same number of tokens.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import httpx

from benchmarks import ours
from benchmarks.peers import llama_cpp
from benchmarks.report import Figure, Report
from benchmarks.rounds import alternate
from benchmarks.text import PARAGRAPHS
from secretariat.models.core import ChatMessage
from secretariat.models.nets.load import load_chat_model

PROMPTS, GENERATED = 8, 96
_LOOKUP = (
    "--spec-type",
    "ngram-simple",
    "--spec-ngram-simple-size-n",
    "4",
    "--spec-ngram-simple-size-m",
    "16",
)
_SERVERS = {"plain": (), "lookup": _LOOKUP, "lookup, its defaults": ("--spec-type", "ngram-simple")}


def conversations() -> list[list[ChatMessage]]:
    asked = "Answer with sentences copied word for word from the document."
    chosen = PARAGRAPHS[:: max(1, len(PARAGRAPHS) // (3 * PROMPTS))][: 3 * PROMPTS]
    return [
        [
            ChatMessage("system", asked),
            ChatMessage("user", "Document:\n" + "\n\n".join(chosen[i : i + 3]) + "\n\nRepeat the document."),
        ]
        for i in range(0, len(chosen), 3)
    ]


def figures(report: Report) -> None:
    forms = llama_cpp.forms_of(next(ours.SMOLLM2.glob("*.gguf")))
    peers = {
        f"llama.cpp {name} {form}": _peer(path, arguments)
        for name, arguments in _SERVERS.items()
        for form, path in forms.items()
    }
    rounds = alternate(3, {"ours": _ours(speculate=True), "ours, plain": _ours(speculate=False), **peers})
    report.note("grounded answers tok/s", rounds.summary())
    for kind, reach in (("lookup", 1.8), ("plain", 2.5)):
        best = rounds.best_peer(*(who for who in peers if f" {kind}" in who))
        figure = f"grounded answers, speculating, against llama.cpp {kind}"
        report.add(
            Figure(figure, rounds.ratio("ours", best), reach, reference=f"{best} {rounds.rate(best):.0f}")
        )


def _ours(*, speculate: bool) -> Callable[[], float]:
    loaded = load_chat_model(ours.SMOLLM2, backend="native", threads=ours.THREADS)
    engine = ours.engine_over(loaded)
    prompts = [loaded.encode_chat(messages) for messages in conversations()]

    def measure() -> float:
        return median(
            ours.run(engine, ours.Timed(p, tokens=GENERATED, speculate=speculate)).decode_rate
            for p in prompts
        )

    return measure


def _peer(model: Path, arguments: tuple[str, ...]) -> Callable[[], float]:
    """Its server runs while it is measured and no longer: eight others, though idle, would weigh on it."""

    def measure() -> float:
        asked = conversations()
        with llama_cpp.server(
            model, threads=ours.THREADS, slots=1, context=4096, arguments=arguments
        ) as address:
            _rate(address, asked[0], tokens=8)  # touches the weights once
            return median(_rate(address, messages, tokens=GENERATED) for messages in asked)

    return measure


def _rate(address: str, messages: Sequence[ChatMessage], *, tokens: int) -> float:
    body = {
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False,
    }  # fmt: skip
    reply = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120).json()
    return float(reply["timings"]["predicted_per_second"])
