"""`python -m secretariat.models.training.data KIND … --out FILE`: write training data, clean of tests."""

import argparse
import itertools
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from secretariat.models.errors import ModelError
from secretariat.models.training.data import (
    calculation,
    clinc,
    extraction,
    fairytale,
    plans,
    sources,
    tool_calls,
)
from secretariat.models.training.data.contamination import Guard, texts_below
from secretariat.models.training.data.conversations import Conversation, write

Generator = Callable[[int, int], Iterable[Conversation]]
GENERATORS: dict[str, Generator] = {
    "tools": tool_calls.examples,
    "plans": plans.examples,
    "extraction": extraction.examples,
    "calculation": calculation.examples,
    "sources": sources.grounded_examples,
    "copied": sources.copied_examples,
}


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        made = list(_made(given))
        if given.guard:
            guard = Guard(texts_below(given.guard))
            clean = [each for each in made if not any(guard.overlaps(each.id, each.texts))]
        else:
            clean = made
    except ModelError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    random.Random(given.seed).shuffle(clean)  # noqa: S311 - repeatable
    written = write(given.out, clean)
    sys.stdout.write(
        f"{written} examples in {given.out}; left out for what they repeat of tests: {len(made) - written}\n"
    )
    return 0


def _made(given: argparse.Namespace) -> Iterator[Conversation]:
    return chain.from_iterable(_of_kind(kind, given) for kind in given.kinds)


def _of_kind(kind: str, given: argparse.Namespace) -> Iterable[Conversation]:
    if kind in GENERATORS:
        return GENERATORS[kind](given.seed, given.count)
    if given.source is None:
        raise ModelError("training_invalid", f"{kind} is made from a file: name it with --source")
    if kind == "clinc":
        parts = given.part or ("train", "oos_train")
        return clinc.examples(clinc.read(given.source, parts), given.seed, given.count)
    questions = fairytale.read(given.source)
    return list(islice(_arranged(questions, given.seed), given.count))


def _arranged(questions: Sequence[fairytale.Question], seed: int) -> Iterator[Conversation]:
    """Over and over, every time with other passages beside each other."""
    for again in itertools.count():
        made = list(fairytale.grounded_examples(questions, seed + 1000 * again))
        if not made:
            return
        yield from made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=[*GENERATORS, "fairytale", "clinc"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--count", type=int, default=1000, help="of each kind; at most, where a file has fewer"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", action="append", help="of CLINC150; train and oos_train without it")
    parser.add_argument("--source", type=Path, help="the public set's file, for those made from one")
    parser.add_argument("--guard", type=Path, action="append", default=[], help="a test's file or folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
