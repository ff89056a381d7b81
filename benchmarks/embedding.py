"""`make bench-embedding`: passages embedded a second, against sentence-transformers and fastembed, same weights.

All three are given texts and return unit vectors, tokenising included, on two threads. Texts are documents of
SciFact, cut to 256 tokens by each side. fastembed runs as it does by default (batches of 256, padded to the
longest, all optimisations of onnxruntime) over our weights in int8.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import ours
from benchmarks.peers.embedders import PEERS, Peer, peer
from benchmarks.report import Figure, Report, proven
from benchmarks.rounds import alternate
from secretariat.models.nets.encoder import Floats
from secretariat.models.nets.load_encoder import LoadedEmbedder, load_embedder

MINILM = ours.MODELS / "all-minilm-l6-v2"
CORPUS = Path(__file__).parents[2] / "shared" / "data" / "ir" / "scifact" / "corpus.jsonl"
SAMPLE, ROUNDS = 192, 4


def main() -> int:
    proven("tests/models/nets/test_encoder.py", "tests/models/nets/test_native_encoder.py")
    report = Report("embedding")
    figures(report)
    return report.close()


def figures(report: Report) -> None:
    """Some minutes: float32 vectors of every document are what the cosines are measured against."""
    texts = passages()
    embedder = load_embedder(MINILM, threads=ours.THREADS)
    assert embedder.arithmetic.backend == "native", "no compiled operations"
    report.note("form of the matrices", embedder.arithmetic.weights)
    _throughput(report, embedder, texts[:: len(texts) // SAMPLE])
    _nearness(report, embedder, texts)


def passages() -> list[str]:
    if not CORPUS.exists():
        sys.exit(f"{CORPUS} is missing: there is nothing to embed")
    documents = map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines())
    return [f"{document['title']} {document['text']}".strip() for document in documents]


def _throughput(report: Report, embedder: LoadedEmbedder, texts: Sequence[str]) -> None:
    tokens = sum(map(len, embedder.tokenizer.encode(texts)))
    with ExitStack() as stack:
        contenders: dict[str, Callable[[], float]] = {"ours": lambda: tokens / _seconds(embedder, texts)}
        for name in PEERS:
            asked = stack.enter_context(peer(name, MINILM, ours.THREADS))
            contenders[name] = partial(_rate, asked, texts, tokens)
            _near_to_peer(report, name, asked, embedder, texts[:16])
        rounds = alternate(ROUNDS, contenders)
    report.note("tokens a second", rounds.summary())
    report.note("tokens of a passage", round(tokens / len(texts)))
    for name, reach in zip(PEERS, (2.0, 1.2), strict=True):
        report.add(Figure("passages embedded a second", rounds.ratio("ours", name), reach, reference=name))


def _seconds(embedder: LoadedEmbedder, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    embedder.embed(texts)
    return time.perf_counter() - began


def _rate(asked: Peer, texts: Sequence[str], tokens: int) -> float:
    return tokens / asked.ask(texts)


def _near_to_peer(
    report: Report, name: str, asked: Peer, embedder: LoadedEmbedder, texts: Sequence[str]
) -> None:
    """That both embed the same weights; what int8 costs the peer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        asked.ask(texts, path)
        report.note(
            f"least cosine with {name}", round(float(_cosines(embedder.embed(texts), np.load(path)).min()), 5)
        )


def _nearness(report: Report, embedder: LoadedEmbedder, texts: Sequence[str]) -> None:
    exact = load_embedder(MINILM, backend="torch").embed(texts)
    cosines = _cosines(embedder.embed(texts), exact)
    report.note("mean cosine with float32", round(float(cosines.mean()), 6))
    report.add(Figure("least cosine with float32 over SciFact", float(cosines.min()), 0.999, ""))


def _cosines(a: Floats, b: Floats) -> Floats:
    found: Floats = (a * b).sum(axis=1)
    return found


if __name__ == "__main__":
    sys.exit(main())
