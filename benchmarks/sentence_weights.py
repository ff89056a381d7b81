"""`make bench-sentences`: the weights of sentences fitted anew; how often the heaviest one holds the answer."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.quality.sets import DATA
from benchmarks.report import Figure, Report, proven
from secretariat.models.training.data import fairytale
from secretariat.retrieval.core import Span
from secretariat.retrieval.search.confidence import words_said
from secretariat.retrieval.search.sentence_weights import ABOVE, OWN
from secretariat.retrieval.sentences import sentences

Floats = npt.NDArray[np.float64]
Told = tuple[Floats, list[int]]
"""Of each sentence the share of the question's words that it says and that the one above says; which hold the
answer."""
_LONGEST, _STEPS, _CLOSE = 12, 20, 0.05


def told(path: Path) -> list[Told]:
    """Questions whose answers stand in some sentences of a passage and not in all."""
    found = []
    for each in fairytale.read(path):
        if each.span is None or len(each.span.split()) > _LONGEST:
            continue
        spans = sentences(each.passage, Span(0, len(each.passage)))
        texts = [span.within(each.passage) for span in spans]
        holding = [place for place, text in enumerate(texts) if each.span in text]
        said = [words_said(each.question, text) for text in texts]
        if 0 < len(holding) < len(texts):
            found.append((np.array(list(zip(said, [0.0, *said], strict=False))), holding))
    return found


def fitted(examples: Sequence[Told]) -> Floats:
    """A conditional logit by Newton's method: each question chooses among its passage's sentences."""
    weights = np.zeros(2)
    for _ in range(_STEPS):
        slope, bend = np.zeros(2), np.zeros((2, 2))
        for signs, holding in examples:
            chances = _chances(signs, weights)
            right = np.zeros_like(chances)
            right[holding] = chances[holding] / chances[holding].sum()
            mean = chances @ signs
            slope += (right - chances) @ signs
            bend += (signs * chances[:, None]).T @ signs - np.outer(mean, mean)
        weights += np.linalg.solve(bend, slope)
    return weights


def _chances(signs: Floats, weights: Floats) -> Floats:
    powers = signs @ weights
    chances: Floats = np.exp(powers - powers.max())
    return chances / chances.sum()


def main() -> int:
    proven("tests/retrieval/test_sentence_weights.py", "tests/models/engine/test_quoting.py")
    report = Report("sentences")
    weights = np.array([OWN, ABOVE])
    for part in ("train", "val"):
        examples = told(DATA / "fairytaleqa" / f"{part}.jsonl")
        chances = [(_chances(signs, weights), holding) for signs, holding in examples]
        found = sum(int(chance.argmax()) in holding for chance, holding in chances)
        surprise = -sum(math.log(chance[holding].sum()) for chance, holding in chances)
        report.note(
            f"fairytaleqa {part}: questions, share in the heaviest sentence, nats",
            [len(examples), round(found / len(examples), 3), round(surprise / len(examples), 3)],
        )
        if part == "train":
            for name, committed, anew in zip(("own", "above"), weights, fitted(examples), strict=True):
                difference = round(float(abs(committed - anew)), 3)
                report.add(
                    Figure(f"{name}: difference to what is fitted", difference, _CLOSE, "", least=False)
                )
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
