"""`make bench-hybrid`: secretariat-h-135m against its dense twin, trained on the same tokens.

Text of manuals that nothing was trained on, memory and decoding at 8,192 tokens, and sentences to be found again.
"""

import argparse
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks import ours
from benchmarks.needles import needles
from benchmarks.reading import Reader
from benchmarks.report import Figure, Report, proven
from benchmarks.rounds import alternate
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import Form, build_network, load_chat_model
from secretariat.models.nets.memory import Memory
from secretariat.models.nets.network import Network
from secretariat.models.nets.weights import Values
from secretariat.models.training.data.texts import TESTING, Document, documents

HYBRID, DENSE = ours.MODELS / "secretariat-h-135m", ours.MODELS / "secretariat-dense-135m"
PACKAGES = ours.MODELS.parent / "packages"
LENGTH, FAR, GENERATED, ROUNDS = 8192, 512, 32, 5
_TESTS = ("tests/models/training/test_transfer.py", "tests/models/nets/test_rings.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="a folder with the .deb files")
    parser.add_argument("--documents", type=int, default=8, help="of 8,192 tokens, from each package")
    parser.add_argument("--needles", type=int, default=10, help="of each length and number of keys")
    parser.add_argument("--form", choices=("float32", "bfloat16", "q8", "q4"), help="of matrices")
    options = parser.parse_args()
    packages = [_found(options.packages, f"{name}_*.deb") for name in TESTING]
    for folder in (HYBRID, DENSE):
        _found(folder, "deltas.safetensors")
    proven(*_TESTS)
    encode = load_chat_model(ours.SMOLLM2).tokenizer.encode
    texts = {path.name: documents(path, encode, LENGTH) for path in packages}
    some = {name: [one.tokens for one in _spread(found, options.documents)] for name, found in texts.items()}
    report = Report("hybrid")
    perplexity(report, some, options.form)
    memory(report)
    decoding(report, next(iter(some.values()))[0], options.form)
    found_again(report, [one for part in some.values() for one in part], options)
    return report.close()


def _found(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        sys.exit(f"not measured: no {pattern} in {folder}; make train-hybrid makes the models, apt-get download"
                 " NAME on Debian 12 fetches the manuals")  # fmt: skip
    return found[-1]


def _spread(items: list[Document], count: int) -> list[Document]:
    return items[:: max(1, len(items) // count)][:count]


def network(folder: Path, form: Form | None, *, branches: bool = True) -> Network:
    """Without `branches` they add zeros."""
    checkpoint = open_checkpoint(folder)
    if not branches:
        silent = {
            name: Values(np.zeros(source.shape, np.float32))
            for name, source in checkpoint.weights.items()
            if name.endswith("mixers.1.out_proj.weight")
        }
        checkpoint = replace(checkpoint, weights={**checkpoint.weights, **silent})
    return build_network(checkpoint, backend="native", form=form, threads=ours.THREADS)


def perplexity(report: Report, texts: Mapping[str, list[list[int]]], form: Form | None) -> None:
    """Means over documents of the loss beyond FAR."""

    def losses(net: Network) -> dict[str, float]:
        reader = Reader(net, LENGTH)
        return {
            name: mean(float(reader.losses(tokens, FAR).mean()) for tokens in some)
            for name, some in texts.items()
        }

    measured = {
        "base": losses(network(ours.SMOLLM2, form)),
        "dense": losses(network(DENSE, form)),
        "hybrid": losses(network(HYBRID, form)),
        "without branches": losses(network(HYBRID, form, branches=False)),
    }
    for name, found in measured.items():
        report.note(f"loss beyond {FAR}, {name}", {text: round(loss, 4) for text, loss in found.items()})
    hybrid, dense, without = (
        mean(measured[name].values()) for name in ("hybrid", "dense", "without branches")
    )
    worse = 100 * (math.exp(hybrid - dense) - 1)
    against = "the dense twin, trained on the same tokens"
    report.add(
        Figure(
            "perplexity on unseen manuals, beyond position 512",
            worse,
            3.0,
            "%",
            least=False,
            reference=against,
        )
    )
    report.add(Figure("what silent branches cost there", without - hybrid, 0.02, "nats"))


def memory(report: Report) -> None:
    """Keys, values and states of one sequence of LENGTH tokens, as allocated: with windows, and the room behind
    them that a run is written into."""
    sizes = {}
    for name, folder in (("hybrid", HYBRID), ("dense", DENSE)):
        held = Reader(network(folder, None), LENGTH).net.memory
        pages = sum(array.nbytes for page in range(held.size.pages) for array in held.page_arrays(page))
        slot = Memory.slot_bytes(open_checkpoint(folder).config, held.size.kv_dtype, held.size.run)
        sizes[name] = pages + slot
        report.note(f"bytes at {LENGTH}, {name}", {"pages": pages, "slot": slot})
    share = sizes["hybrid"] / sizes["dense"]
    report.add(Figure("KV and state memory at 8,192 tokens", share, 1 / 3, "of dense", least=False))


def decoding(report: Report, tokens: list[int], form: Form | None) -> None:
    nets = {"hybrid": network(HYBRID, form), "dense": network(DENSE, form)}
    streams = {name: ours.Streams(net, 1, LENGTH + GENERATED * (ROUNDS + 2)) for name, net in nets.items()}
    for stream in streams.values():
        stream.prefill(tokens[:LENGTH])
    rounds = alternate(
        ROUNDS, {name: lambda stream=stream: stream.decode(GENERATED) for name, stream in streams.items()}
    )
    report.note("decoded a second at 8,192 tokens", rounds.summary())
    report.add(
        Figure("decoding at 8,192 tokens", rounds.ratio("hybrid", "dense"), 1.5, reference="the dense twin")
    )


def found_again(report: Report, texts: list[list[int]], options: argparse.Namespace) -> None:
    encode = load_chat_model(ours.SMOLLM2).tokenizer.encode
    asked = needles(texts, encode, options.needles)
    scores: dict[str, float] = {}
    for name, folder in (("dense", DENSE), ("hybrid", HYBRID)):
        reader = Reader(network(folder, options.form), LENGTH)
        right = [reader.foresaw(one.tokens, one.answer) for one in asked]
        scores[name] = mean(right)
        kinds = sorted({(one.length, one.keys) for one in asked})
        by_kind = {
            f"{length} tokens, {keys} keys": round(
                mean(
                    ok
                    for ok, one in zip(right, asked, strict=True)
                    if (one.length, one.keys) == (length, keys)
                ),
                3,
            )
            for length, keys in kinds
        }
        report.note(f"found again, {name}", by_kind)
    if not scores["dense"]:
        sys.exit("not measured: the dense twin finds nothing again, there is no score to compare with")
    share = 100 * scores["hybrid"] / scores["dense"]
    report.add(
        Figure(
            "one and four keys found again, 1K to 8K", share, 97.0, "% of dense", reference="the dense twin"
        )
    )


if __name__ == "__main__":
    sys.exit(main())
