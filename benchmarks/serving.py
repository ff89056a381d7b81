"""`make bench-serving`: sixteen readers at once, the first token behind a shared prefix, an idle server.

Both servers run as processes of their own and answer over HTTP; every reader streams.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch

from benchmarks import first_token, ours, prefixes
from benchmarks.peers import hugging_face, llama_cpp
from benchmarks.peers.secretariat import idle, server
from benchmarks.readers import rate
from benchmarks.report import Figure, Report, proven
from benchmarks.rounds import alternate
from benchmarks.text import PARAGRAPHS

READERS, GENERATED, WORDS = 16, 128, 40


def main() -> int:
    torch.set_num_threads(ours.THREADS)
    proven("tests/models/engine", "tests/models/serving")
    report = Report("serving")
    readers(report)
    first_token.figures(report)
    prefixes.figures(report)
    idle_server(report)
    return report.close()


def readers(report: Report) -> None:
    gguf = next(ours.SMOLLM2.glob("*.gguf"))
    peer = hugging_face.smollm2(torch.bfloat16)
    tokens_BT = torch.randint(100, 40000, (READERS, 80), generator=torch.Generator().manual_seed(1))
    forms = llama_cpp.forms_of(gguf)
    contexts = [
        llama_cpp.server(path, threads=ours.THREADS, slots=READERS, context=READERS * 512)
        for path in forms.values()
    ]
    with ExitStack() as running:
        mine = running.enter_context(server(contexts=2))
        measures = {"ours": _over_http(str(mine.base_url), {"Authorization": mine.headers["Authorization"]})}
        for form, context in zip(forms, contexts, strict=True):
            measures[f"llama.cpp {form}"] = _over_http(running.enter_context(context), {})
        measures["transformers"] = lambda: hugging_face.answer_rate(peer, tokens_BT, GENERATED)
        rounds = alternate(3, measures)
    report.note("16 readers, tok/s", rounds.summary())
    best = rounds.best_peer(*(who for who in measures if who.startswith("llama")))
    for who, reach in ((best, 1.5), ("transformers", 8.0)):
        figure = f"{READERS} readers over HTTP against {who.split()[0]}"
        report.add(
            Figure(figure, rounds.ratio("ours", who), reach, reference=f"{who} {rounds.rate(who):.0f}")
        )


def _over_http(address: str, headers: Mapping[str, str]) -> Callable[[], float]:
    return lambda: rate(address, headers, [_body(number) for number in range(READERS)])


def _body(number: int) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": _asked(number)}],
        "max_tokens": GENERATED, "temperature": 0, "stream": True, "ignore_eos": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


def _asked(number: int) -> str:
    """Some eighty tokens with the template's own: as many as the peers are given."""
    return f"{number}. Go on writing: " + " ".join(PARAGRAPHS[number].split()[:WORDS])


def idle_server(report: Report) -> None:
    found = idle()
    report.note("idle server", found.as_notes())
    report.add(
        Figure("idle server: memory above the weights", found.above_weights_mb, 350, "MB", least=False)
    )
    report.add(Figure("start to first token", found.first_token_s, 6, "s", least=False))


if __name__ == "__main__":
    sys.exit(main())
