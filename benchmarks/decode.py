"""`make bench-decode`: decoding and prefill against llama.cpp and transformers, same weights and threads.

Everything is measured in exact mode. No operation has a faster, inexact arithmetic yet, so there is no difference
between the two modes to measure.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks import grounded, ours
from benchmarks.attention import attention_figure
from benchmarks.peers import hugging_face, llama_cpp
from benchmarks.report import Figure, Report, proven
from benchmarks.rounds import Rounds, alternate
from benchmarks.shapes import checkpoint
from benchmarks.svf import svf_figure
from benchmarks.text import PARAGRAPHS
from secretariat.models.nets.load import Form, load_chat_model

ROUNDS = 5
PROMPT, GENERATED = 512, 128
_TESTS = ("tests/models/kernels", "tests/models/nets", "tests/models/engine")


def main() -> int:
    torch.set_num_threads(ours.THREADS)
    proven(*_TESTS)
    report = Report("decode")
    smollm2(report)
    grounded.figures(report)
    shape(report, "granite-h-350m-shape", _GRANITE)
    shape(report, "jamba-343m-shape", _JAMBA)
    report.add(attention_figure())
    report.add(svf_figure(report))
    return report.close()


def smollm2(report: Report) -> None:
    gguf = next(ours.SMOLLM2.glob("*.gguf"))
    forms = llama_cpp.forms_of(gguf)
    peers = {dtype: hugging_face.smollm2(dtype) for dtype in _DTYPES}
    tokens = load_chat_model(ours.SMOLLM2).tokenizer.encode(" ".join(PARAGRAPHS))[:PROMPT]
    tokens_1T = torch.tensor([tokens])
    streams = {
        "exact": ours.Streams(ours.network(ours.SMOLLM2, None), 1, PROMPT + GENERATED),
    }

    def decoded(name: str) -> Callable[[], float]:
        def measure() -> float:
            streams[name].prefill(tokens[:64])
            return streams[name].decode(GENERATED)

        return measure

    decode = alternate(
        ROUNDS,
        {name: decoded(name) for name in streams}
        | {f"llama.cpp {form}": _llama(path, generate=GENERATED) for form, path in forms.items()}
        | {f"transformers {dtype}": _hf(m, tokens_1T[:, :64], 24) for dtype, m in peers.items()},
    )
    prefill = alternate(
        ROUNDS,
        {name: _warmed(partial(_prefilled, s, tokens)) for name, s in streams.items()}
        | {f"llama.cpp {form}": _llama(path, prompt=PROMPT) for form, path in forms.items()}
        | {
            f"transformers {dtype}": _warmed(partial(hugging_face.prefill_rate, m, tokens_1T))
            for dtype, m in peers.items()
        },
    )
    _smollm2_figures(report, decode, prefill)
    ratio = perplexity(None) / perplexity("float32")
    report.add(Figure("SmolLM2: perplexity over that of the dequantised weights", ratio, 1.01, least=False))


def _smollm2_figures(report: Report, decode: Rounds, prefill: Rounds) -> None:
    report.note("SmolLM2 decode tok/s", decode.summary())
    report.note("SmolLM2 prefill tok/s", prefill.summary())
    for kind, rounds, to_llama, to_hf in (("decode", decode, 1.5, 8.0), ("prefill", prefill, 3.0, 1.2)):
        for family, reach in (("llama.cpp", to_llama), ("transformers", to_hf)):
            best = rounds.best_peer(*(who for who in rounds.rates if who.startswith(family)))
            name = f"SmolLM2 {kind}, one stream, against {family}'s best"
            report.add(
                Figure(name, rounds.ratio("exact", best), reach, reference=f"{best} {rounds.rate(best):.0f}")
            )


def perplexity(form: Form | None) -> float:
    """Of the committed paragraphs, each on its own."""
    net = ours.network(ours.SMOLLM2, form)
    tokenizer = load_chat_model(ours.SMOLLM2).tokenizer
    total, count = 0.0, 0
    scorer = ours.Scorer(net, 256)
    for paragraph in PARAGRAPHS:
        tokens = tokenizer.encode(paragraph)[:256]
        total += scorer.loss(tokens)
        count += len(tokens) - 1
    return math.exp(total / count)


_DTYPES = (torch.float32, torch.bfloat16)
_GRANITE: dict[str, tuple[tuple[Form, float], ...]] = {
    "decode 1": (("bfloat16", 5.0), ("q4", 10.0)),
    "decode 8": (("bfloat16", 7.0),),
    "prefill": (("bfloat16", 4.0),),
}
_JAMBA: dict[str, tuple[tuple[Form, float], ...]] = {"decode 1": (("bfloat16", 5.0),)}


def shape(report: Report, name: str, wanted: dict[str, tuple[tuple[Form, float], ...]]) -> None:
    directory = checkpoint(name)
    peers = {str(dtype): hugging_face.load(directory, dtype) for dtype in _DTYPES}
    generator = torch.Generator().manual_seed(1)
    tokens_T = torch.randint(3, 60000, (PROMPT,), generator=generator)
    for kind, goals in wanted.items():
        measures = {who: _hf_measure(kind, model, tokens_T) for who, model in peers.items()}
        for form, _ in goals:
            measures[f"exact {form}"] = _our_measure(kind, directory, form, tokens_T.tolist())
        rounds = alternate(3, measures)
        report.note(f"{name} {kind} tok/s", rounds.summary())
        best = rounds.best_peer(*peers)
        for form, reach in goals:
            figure = f"{name} {kind} ({form}) against transformers' faster type"
            report.add(
                Figure(
                    figure,
                    rounds.ratio(f"exact {form}", best),
                    reach,
                    reference=f"{best} {rounds.rate(best):.1f}",
                )
            )


def _our_measure(kind: str, directory: Path, form: Form, tokens: list[int]) -> Callable[[], float]:
    streams = 8 if kind == "decode 8" else 1
    run = ours.Streams(ours.network(directory, form), streams, PROMPT + 1024)
    if kind == "prefill":
        return _warmed(partial(_prefilled, run, tokens))

    def measure() -> float:
        for stream in range(streams):
            run.prefill(tokens[:64], stream)
        return run.decode(32 if streams == 1 else 12)

    return measure


def _prefilled(streams: ours.Streams, tokens: list[int]) -> float:
    return PROMPT / streams.prefill(tokens)


def _hf_measure(kind: str, model: object, tokens_T: torch.Tensor) -> Callable[[], float]:
    if kind == "prefill":
        return _warmed(partial(hugging_face.prefill_rate, model, tokens_T[None]))
    batch = 8 if kind == "decode 8" else 1
    return _hf(model, tokens_T[None, :64].repeat(batch, 1), 8)


def _hf(model: object, tokens_BT: torch.Tensor, steps: int) -> Callable[[], float]:
    return lambda: hugging_face.decode_rate(model, tokens_BT, steps)


def _warmed(measure: Callable[[], float]) -> Callable[[], float]:
    """llama-bench reads the prompt once before it measures, so everybody does."""

    def measured_again() -> float:
        measure()
        return measure()

    return measured_again


def _llama(path: Path, *, prompt: int = 0, generate: int = 0) -> Callable[[], float]:
    return lambda: llama_cpp.bench(path, threads=ours.THREADS, prompt=prompt, generate=generate)


if __name__ == "__main__":
    sys.exit(main())
