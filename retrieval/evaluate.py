"""How well does search find what is needed? Public test collections in, recall, nDCG and times out.

Runs the real path: split, embed, log, view, pipeline. Knows the layouts of BEIR and of the tau banking tasks.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from secretariat.models.client import Embedder, Reranker, TokenCounter
from secretariat.models.core import CallContext
from secretariat.retrieval.beir import read_qrels, read_queries
from secretariat.retrieval.core import Chunk, DocumentFilter, ParsedDocument, Permit, Scope, SearchRequest
from secretariat.retrieval.embed import embed_chunks
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.measures import (
    Difference,
    Interval,
    difference,
    interval,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)
from secretariat.retrieval.parse import markdown, plain
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS
from secretariat.retrieval.search.configuration import CONFIGURATIONS
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.split import split
from secretariat.retrieval.tokens import AskedTokens, Estimate, Tokens

RECALL_AT = (5, 10, 20, 50, 100)
Measure = Literal["ndcg@10", "recall@10", "recall@100", "mrr"]
MEASURES: tuple[Measure, ...] = ("ndcg@10", "recall@10", "recall@100", "mrr")
ReportProgress = Callable[[str, int, int], None]
_DEPTH = 400
TENANT = uuid5(NAMESPACE_URL, "secretariat:evaluation")


@dataclass(frozen=True, slots=True)
class EvaluationDocument:
    """`markdown`: the text is marked up; else every character of it stands for itself."""

    id: str
    title: str
    text: str
    markdown: bool = False


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    """`gains` holds the documents that answer the query and how well each does (1 or more)."""

    id: str
    text: str
    gains: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    name: str
    documents: tuple[EvaluationDocument, ...]
    queries: tuple[EvaluationQuery, ...]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Means over the queries; seconds are wall-clock, latencies of single searches, embedding included.

    `values`: of each measure the values of all queries, in the order of the collection's.
    """

    name: str
    configuration: str
    documents: int
    chunks: int
    queries: int
    recall: Mapping[int, float]
    ndcg_at_10: float
    mrr: float
    ingest_s: float
    search_p50_s: float
    search_p95_s: float
    values: Mapping[Measure, tuple[float, ...]]

    @property
    def documents_per_s(self) -> float:
        return self.documents / self.ingest_s if self.ingest_s else 0.0

    def interval(self, measure: Measure) -> Interval:
        return interval(self.values[measure])

    def difference(self, other: "EvaluationReport", measure: Measure) -> Difference:
        """This configuration's values minus the other's, query by query. Both are of one collection."""
        return difference(self.values[measure], other.values[measure])


def read_beir(directory: Path, split_name: str = "test") -> EvaluationSet:
    """corpus.jsonl, queries.jsonl and qrels/<split>.tsv; queries without a relevant document are left out.

    Raises ValueError when nothing is left, or a file can't be used (BeirFileError).
    """
    gains: dict[str, dict[str, int]] = {}
    for _, query, document, gain in read_qrels((directory / "qrels" / f"{split_name}.tsv").read_bytes()):
        if gain > 0:
            gains.setdefault(query, {})[document] = gain
    if not gains:
        raise ValueError(f"qrels/{split_name}.tsv names no relevant document")
    return EvaluationSet(
        name=directory.name,
        documents=tuple(
            EvaluationDocument(row["_id"], row.get("title") or "", row["text"])
            for row in _json_lines(directory / "corpus.jsonl")
        ),
        queries=tuple(
            EvaluationQuery(query, text, gains[query])
            for _, query, text in read_queries((directory / "queries.jsonl").read_bytes())
            if query in gains
        ),
    )


def read_rho_bank(directory: Path) -> EvaluationSet:
    """documents.json and tasks.json: what the customer is told to want is the query."""
    documents = json.loads((directory / "documents.json").read_text("utf-8"))
    tasks = json.loads((directory / "tasks.json").read_text("utf-8"))
    return EvaluationSet(
        name=directory.name,
        documents=tuple(
            EvaluationDocument(row["id"], row["title"], row["content"], markdown=True) for row in documents
        ),
        queries=tuple(
            EvaluationQuery(
                task["id"],
                task["user_scenario"]["instructions"],
                dict.fromkeys(task["required_documents"], 1),
            )
            for task in tasks
            if task.get("required_documents")
        ),
    )


async def evaluate_collection(
    collection: EvaluationSet,
    embedder: Embedder,
    call: CallContext,
    *,
    reranker: Reranker | None = None,
    counter: TokenCounter | None = None,
    configurations: Sequence[str] = ("default",),
    report_progress: ReportProgress = lambda _stage, _done, _total: None,
) -> list[EvaluationReport]:
    """Ingests the documents into memory once, and runs every query, one after another, in each configuration.

    Raises ModelError. With a `counter` chunks are cut by the model's own tokenizer, as documents of a tenant are.
    """
    ids = {uuid5(TENANT, document.id): document.id for document in collection.documents}
    view = IndexView(TENANT, log := MemoryChunkLog())
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    tokens: Tokens = AskedTokens(counter, call, loop) if counter is not None else Estimate()
    for done, document in enumerate(collection.documents, 1):
        log.append(await chunks_of(document, embedder, call, tokens))
        report_progress("documents", done, len(collection.documents))
    await view.catch_up()
    ingest_s = time.perf_counter() - began
    reports = []
    for name in configurations:
        everything = _Everything(frozenset(ids))
        pipeline = Pipeline(view, everything, embedder, call, reranker, CONFIGURATIONS[name])
        ranked, times = await _answered(collection, pipeline, ids, report_progress)
        reports.append(_report(collection, name, view.size, ranked, times, ingest_s))
    return reports


async def _answered(
    collection: EvaluationSet, pipeline: Pipeline, ids: Mapping[UUID, str], report_progress: ReportProgress
) -> tuple[list[list[str]], list[float]]:
    """For each query the ids of the documents of what was found, best first; and the seconds it took."""
    ranked: list[list[str]] = []
    times: list[float] = []
    for done, query in enumerate(collection.queries, 1):
        began = time.perf_counter()
        result = await pipeline.search(Scope(TENANT), SearchRequest(query.text, limit=_DEPTH))
        times.append(time.perf_counter() - began)
        ranked.append(list(dict.fromkeys(ids[found.chunk.document_id] for found in result.passages)))
        report_progress("queries", done, len(collection.queries))
    return ranked, times


class _Everything:
    """An Authority over public documents."""

    def __init__(self, documents: frozenset[UUID]) -> None:
        self._documents = documents

    async def permit(self, scope: Scope) -> Permit:
        assert scope.tenant == TENANT, scope
        return Permit(collections={TENANT: TENANT})

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        assert scope.tenant == TENANT, scope
        assert where == DocumentFilter(), where
        return self._documents

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        assert scope.tenant == TENANT, scope
        return dict.fromkeys(self._documents.intersection(document_ids), TENANT)


async def chunks_of(
    document: EvaluationDocument, embedder: Embedder, call: CallContext, tokens: Tokens
) -> list[Chunk]:
    """What the write path would put into the log for the document. Raises ModelError."""
    reader = markdown if document.markdown else plain
    extracted = reader.extract(document.text.encode(), DEFAULT_LIMITS)
    title = document.title or extracted.title or document.id
    parsed = ParsedDocument(title, extracted.text, "text/plain", extracted.sections)
    drafts = await asyncio.to_thread(split, parsed, tokens) if parsed.text else []
    vectors = await embed_chunks(title, drafts, embedder=embedder, call=call, progress=_silent)
    document_id = uuid5(TENANT, document.id)
    return [
        Chunk(
            id=uuid5(document_id, str(draft.ordinal)),
            collection_id=TENANT,
            document_id=document_id,
            document_title=title,
            ordinal=draft.ordinal,
            span=draft.span,
            text=draft.text,
            heading_path=draft.heading_path,
            sha256=draft.sha256,
            vector=vector,
            seq=0,
            signature=draft.signature,
        )
        for draft, vector in zip(drafts, vectors, strict=True)
    ]


async def _silent(_done: int, _total: int) -> None:
    return


def _report(
    collection: EvaluationSet,
    configuration: str,
    chunks: int,
    ranked: Sequence[Sequence[str]],
    times: Sequence[float],
    ingest_s: float,
) -> EvaluationReport:
    pairs = list(zip(ranked, (query.gains for query in collection.queries), strict=True))
    values: dict[Measure, tuple[float, ...]] = {
        "ndcg@10": tuple(ndcg_at(found, gains, 10) for found, gains in pairs),
        "recall@10": tuple(recall_at(found, gains, 10) for found, gains in pairs),
        "recall@100": tuple(recall_at(found, gains, 100) for found, gains in pairs),
        "mrr": tuple(reciprocal_rank(found, gains) for found, gains in pairs),
    }
    return EvaluationReport(
        name=collection.name,
        configuration=configuration,
        documents=len(collection.documents),
        chunks=chunks,
        queries=len(collection.queries),
        recall={k: fmean(recall_at(found, gains, k) for found, gains in pairs) for k in RECALL_AT},
        ndcg_at_10=fmean(values["ndcg@10"]),
        mrr=fmean(values["mrr"]),
        ingest_s=ingest_s,
        search_p50_s=_quantile(times, 0.50),
        search_p95_s=_quantile(times, 0.95),
        values=values,
    )


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
