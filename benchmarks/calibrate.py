"""`make bench-calibration`: the weights of search's confidence, fitted; and how right it is on other questions.

Fitted to questions about stories (FairytaleQA, training part). Each question is asked three times: of everything,
of everything but the passage that it was written about, and of other stories alone, where nothing answers. Exits
with 1 unless the weights in retrieval/search/confidence.py are those that come out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid5

import numpy as np
from numpy.typing import NDArray

from benchmarks.remembered import RememberedModels
from benchmarks.report import Figure, Report
from benchmarks.retrieval import (
    CALL,
    DATA,
    KEPT,
    REACH,
    Granted,
    chunks_in,
    measured_over_served,
    read_xquad,
    view_of,
)
from secretariat.retrieval.core import Scope, SearchRequest
from secretariat.retrieval.evaluate import (
    TENANT,
    EvaluationDocument,
    EvaluationQuery,
    EvaluationSet,
    read_beir,
)
from secretariat.retrieval.measures import calibration_error, separation
from secretariat.retrieval.search.confidence import (
    FOUND_FROM,
    GLANCED_AT,
    LOOKED_AT,
    Calibration,
    Signs,
    confidence,
    signs_of,
)
from secretariat.retrieval.search.pipeline import Pipeline

_RIDGE = 1e-3
_STEPS = 50
_CLOSE = 0.03


@dataclass(frozen=True, slots=True)
class Tried:
    """What the best passage shows, how likely search said that it answers, and whether it does, or any could."""

    signs: Signs
    confidence: float
    answers: bool
    answerable: bool


def stories(part: str, every_story: int, every_question: int) -> EvaluationSet:
    """Questions about one section each, and the sections of the stories that they are about."""
    rows = [json.loads(line) for line in (DATA / "fairytaleqa" / f"{part}.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if len(row["sections"]) == 1]
    chosen = set(list(dict.fromkeys(row["story"] for row in rows))[::every_story])
    rows = [row for row in rows if row["story"] in chosen]
    sections = {row["context"]: (str(place), row["story"]) for place, row in enumerate(rows)}
    return EvaluationSet(
        f"fairytaleqa {part}",
        tuple(EvaluationDocument(name, story, text) for text, (name, story) in sections.items()),
        tuple(
            EvaluationQuery(str(place), row["question"], {sections[row["context"]][0]: 1})
            for place, row in enumerate(rows)
        )[::every_question],
    )


async def tried(
    collection: EvaluationSet, models: RememberedModels, *, without_own: bool, every: int = 1
) -> list[Tried]:
    """Every so many of the questions, with what answers them in reach and, if asked for, without it and without
    all that has its title."""
    view = view_of(await chunks_in(collection, models))
    titles = {uuid5(TENANT, document.id): document.title for document in collection.documents}
    everything = titles.keys()
    found = []
    for query in collection.queries[::every]:
        answering = {uuid5(TENANT, name) for name in query.gains}
        about = {titles[name] for name in answering}
        alike = {name for name, title in titles.items() if title in about}
        for reach in (
            (everything, everything - answering, everything - alike) if without_own else (everything,)
        ):
            searching = Pipeline(view, Granted(reach), models, CALL, models)
            result = await searching.search(Scope(TENANT), SearchRequest(query.text))
            best = result.passages[0]
            sure = confidence(query.text, result.passages)
            found.append(
                Tried(
                    signs_of(query.text, best), sure, best.chunk.document_id in answering, answering <= reach
                )
            )
    return found


def fitted(examples: Sequence[Tried], *, nearness: bool) -> Calibration:
    """A logistic regression, as if half of the questions had an answer.

    A sign that would speak against a passage is left out: more of each is no worse.
    """
    names = ["cosine", "words", "nearness"][: 3 if nearness else 2]
    examples = [one for one in examples for _ in range(2 if one.answerable else 1)]
    truth = np.asarray([one.answers for one in examples], dtype=np.float64)
    while True:
        signs = np.asarray([[1.0, *(getattr(one.signs, name) for name in names)] for one in examples])
        weights = [round(float(weight), 2) for weight in _regression(signs, truth)]
        least = min(weights[1:])
        if least >= 0:
            return Calibration(weights[0], **dict(zip(names, weights[1:], strict=True)))
        names.pop(weights.index(least, 1) - 1)


def _regression(signs: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """By Newton's method, the weights hardly held back."""
    weights = np.zeros(signs.shape[1])
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-signs @ weights))
        slope = signs.T @ (truth - said) - _RIDGE * weights
        bend = (signs * (said * (1 - said))[:, None]).T @ signs + _RIDGE * np.eye(len(weights))
        weights += np.linalg.solve(bend, slope)
    return weights


def note(report: Report, name: str, found: Sequence[Tried]) -> float:
    """Returns the calibration error."""
    said, truth = [one.confidence for one in found], [one.answers for one in found]
    error = calibration_error(said, truth)
    counted = [
        [one.answers for one in found if (one.confidence >= FOUND_FROM) is kept] for kept in (True, False)
    ]
    right = [round(float(np.mean(kept)), 3) if kept else None for kept in counted]
    report.note(
        f"{name}: calibration error, area under the curve, right where found, right where not, share found",
        [round(error, 4), round(separation(said, truth), 4), *right, round(len(counted[0]) / len(found), 3)],
    )
    return error


async def run(models: RememberedModels) -> int:
    report = Report("calibration")
    try:
        examples = await tried(stories("train", 16, 4), models, without_own=True)
        for name, committed, nearness in (("LOOKED_AT", LOOKED_AT, True), ("GLANCED_AT", GLANCED_AT, False)):
            weights = fitted(examples, nearness=nearness)
            apart = max(abs(weights(one.signs) - committed(one.signs)) for one in examples)
            report.note(f"{name}, of {len(examples)} searches", str(weights))
            report.add(
                Figure(f"{name}: largest difference to what is fitted", apart, _CLOSE, "", least=False)
            )
        note(report, "fairytaleqa train, fitted to", examples)
        held_out = [
            (stories("val", 1, 3), True, 1),
            *((read_xquad(language), True, 3) for language in ("en", "de", "es")),
            *((read_beir(DATA / "ir" / name), False, 1) for name in REACH),
        ]
        for collection, without_own, every in held_out:
            note(
                report, collection.name, await tried(collection, models, without_own=without_own, every=every)
            )
    finally:
        await models.aclose()
    return report.close()


def main() -> None:
    measured_over_served(lambda remote: run(RememberedModels(remote, KEPT)))


if __name__ == "__main__":
    main()
