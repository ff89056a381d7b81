"""`make bench-retrieval`: how good search is on public collections, and that a permission changes nothing else.

Nothing is fitted: all measures weigh the same. Vectors are kept under .secretariat/benchmarks, so that a run that
was interrupted goes on; name collections (scifact, rho, xquad, permissions …) to measure these alone.
"""

import asyncio
import json
import random
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID, uuid5

from benchmarks.remembered import RememberedModels
from benchmarks.report import Figure, Report
from secretariat.models.core import CallContext
from secretariat.models.remote import RemoteModels
from secretariat.platform.cli.served import served_models
from secretariat.retrieval.core import Chunk, DocumentFilter, Permit, Scope, SearchRequest
from secretariat.retrieval.evaluate import (
    MEASURES,
    TENANT,
    EvaluationDocument,
    EvaluationQuery,
    EvaluationReport,
    EvaluationSet,
    chunks_of,
    evaluate_collection,
    read_beir,
    read_rho_bank,
)
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.measures import ndcg_at
from secretariat.retrieval.search.configuration import CONFIGURATIONS
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.tokens import AskedTokens

DATA = Path(__file__).parents[2] / "shared" / "data"
KEPT = Path(__file__).parents[1] / ".secretariat" / "benchmarks" / "vectors.sqlite"
CALL = CallContext("benchmark", "retrieval")
REACH = {
    "medline": (0.735, "BM25 .699"),
    "cranfield": (0.405, "BM25 .370"),
    "cisi": (0.415, "BM25 .396"),
    "scifact": (0.715, "BM25 .679, MiniLM .645, a hybrid with a 0.6B re-ranker .714"),
}
LANGUAGES = ("en", "de", "es", "zh")
SHARES = (0.01, 0.1, 0.5)
_QUERIES_FILTERED = 40


class Granted:
    """An Authority that opens these documents and no other: one by one, or with their collection, whose others are
    `closed`."""

    def __init__(self, documents: Collection[UUID], closed: Collection[UUID] = ()) -> None:
        self._grants = dict.fromkeys(documents, TENANT)
        self._closed = frozenset(closed)

    async def permit(self, scope: Scope) -> Permit:
        assert scope.tenant == TENANT
        if self._closed:
            return Permit(collections={TENANT: TENANT}, closed_documents=self._closed)
        return Permit(documents=self._grants)

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        raise NotImplementedError

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        assert scope.tenant == TENANT
        return {one: TENANT for one in document_ids if one in self._grants}


async def measured(
    collection: EvaluationSet, models: RememberedModels, report: Report
) -> dict[str, EvaluationReport]:
    found = await evaluate_collection(
        collection, models, CALL, reranker=models, counter=models, configurations=list(CONFIGURATIONS)
    )
    for one in found:
        shown = {m: [round(number, 4) for number in _numbers(one, m)] for m in MEASURES}
        report.note(f"{collection.name}, {one.configuration}: mean, 95 % from, to", shown)
    for other in found[1:]:
        by = found[0].difference(other, "ndcg@10")
        said = f"{by.interval.mean:+.4f}, p {by.p_value:.4f}, better {by.better}, worse {by.worse}"
        report.note(f"{collection.name}, nDCG@10, default - {other.configuration}", said)
    report.note(f"{collection.name}, search p50 / p95 s", [found[0].search_p50_s, found[0].search_p95_s])
    return {one.configuration: one for one in found}


def _numbers(report: EvaluationReport, measure: str) -> tuple[float, float, float]:
    found = report.interval(measure)  # type: ignore[arg-type]
    return found.mean, found.low, found.high


async def filtered(collection: EvaluationSet, models: RememberedModels, report: Report) -> None:
    """The same searches under a permit and in an index that holds only what the permit opens.

    Every second one under a grant on the collection with denies on documents.
    """
    chunks = await chunks_in(collection, models)
    names = {uuid5(TENANT, document.id): document.id for document in collection.documents}
    whole = view_of(chunks)
    for share in SHARES:
        ids = sorted(names, key=str)
        visible = set(random.Random(1).sample(ids, max(1, round(share * len(ids)))))  # noqa: S311 - repeatable
        alone = view_of([chunk for chunk in chunks if chunk.document_id in visible])
        worst = [0.0, 0.0]
        for place, query in enumerate(collection.queries[:_QUERIES_FILTERED]):
            granted = Granted(visible, names.keys() - visible if place % 2 else ())
            pair = [
                await Pipeline(view, granted, models, CALL, models).search(
                    Scope(TENANT), SearchRequest(query.text, limit=100)
                )
                for view in (whole, alone)
            ]
            rankings = [[names[p.chunk.document_id] for p in one.passages] for one in pair]
            gains = {one: gain for one, gain in query.gains.items() if uuid5(TENANT, one) in visible}
            scores = [[(p.chunk.id, p.score) for p in one.passages] for one in pair]
            worst[0] = max(worst[0], float(scores[0] != scores[1]) and _apart(*scores))
            if gains:
                by = [ndcg_at(list(dict.fromkeys(ranking)), gains, 10) for ranking in rankings]
                worst[1] = max(worst[1], abs(by[0] - by[1]))
        for what, value in zip(("score", "nDCG@10"), worst, strict=True):
            name = f"{share:.0%} visible: largest difference in {what} to the restricted corpus"
            report.add(Figure(name, value, 0.0, "", least=False, reference="an index of what is visible"))


def _apart(ones: Sequence[tuple[UUID, float]], others: Sequence[tuple[UUID, float]]) -> float:
    """How far scores differ; infinite where other passages were found."""
    if [name for name, _ in ones] != [name for name, _ in others]:
        return float("inf")
    return max(abs(one - other) for (_, one), (_, other) in zip(ones, others, strict=True))


async def chunks_in(collection: EvaluationSet, models: RememberedModels) -> list[Chunk]:
    tokens = AskedTokens(models, CALL, asyncio.get_running_loop())
    return [chunk for one in collection.documents for chunk in await chunks_of(one, models, CALL, tokens)]


def view_of(chunks: Sequence[Chunk]) -> IndexView:
    log = MemoryChunkLog()
    log.append(chunks)
    return IndexView(TENANT, log)


def read_xquad(language: str) -> EvaluationSet:
    """Questions in one language, paragraphs in English."""
    paragraphs, asked = (
        [
            (article["title"], paragraph)
            for article in json.loads((DATA / "xquad" / f"xquad.{one}.json").read_text("utf-8"))["data"]
            for paragraph in article["paragraphs"]
        ]
        for one in ("en", language)
    )
    return EvaluationSet(
        f"xquad {language} to en",
        tuple(
            EvaluationDocument(str(place), title, paragraph["context"])
            for place, (title, paragraph) in enumerate(paragraphs)
        ),
        tuple(
            EvaluationQuery(question["id"], question["question"], {str(place): 1})
            for place, (_, paragraph) in enumerate(asked)
            for question in paragraph["qas"]
        ),
    )


async def run(models: RememberedModels, only: Sequence[str]) -> int:
    report = Report("retrieval")
    try:
        for name, (reach, reference) in REACH.items():
            if not only or name in only:
                found = await measured(read_beir(DATA / "ir" / name), models, report)
                value = found["default"].ndcg_at_10
                report.add(Figure(f"{name}: nDCG@10", value, reach, "", reference=reference))
        if not only or "rho" in only:
            found = await measured(read_rho_bank(DATA / "rho_bank"), models, report)
            value = found["default"].recall[10]
            report.add(Figure("Rho-Bank tasks: R@10", value, 0.40, "", reference="BM25 .25"))
        if not only or "permissions" in only:
            await filtered(read_beir(DATA / "ir" / "cranfield"), models, report)
        if not only or "xquad" in only:
            for language in LANGUAGES:
                await measured(read_xquad(language), models, report)
    finally:
        await models.aclose()
    return report.close()


def measured_over_served(run: Callable[[RemoteModels], Coroutine[Any, Any, int]]) -> NoReturn:
    """Exits with what `run` makes of the models that this installation serves."""
    if not DATA.is_dir():
        sys.exit(f"not measured: the public collections are not at {DATA}")
    with served_models(print) as client:
        status = asyncio.run(run(client()))
    sys.exit(status)


def main() -> None:
    measured_over_served(lambda remote: run(RememberedModels(remote, KEPT), sys.argv[1:]))


if __name__ == "__main__":
    main()
