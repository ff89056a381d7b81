"""How well does search find what is needed? Public test collections in, recall, nDCG and times out.

Runs the real path: split, embed, log, view, pipeline. Knows the layouts of BEIR and of the tau banking tasks.
"""

import json
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from secretariat.models.client import Embedder
from secretariat.models.core import CallContext
from secretariat.retrieval.core import Chunk, DocumentFilter, ParsedDocument, Permit, Scope, SearchRequest
from secretariat.retrieval.embed import embed_chunks
from secretariat.retrieval.index.log import MemoryChunkLog
from secretariat.retrieval.index.view import IndexView
from secretariat.retrieval.parse.limits import DEFAULT_LIMITS
from secretariat.retrieval.parse.markdown import extract
from secretariat.retrieval.search.pipeline import Pipeline
from secretariat.retrieval.split import split

RECALL_AT = (5, 10, 20, 50, 100)
_TENANT = uuid5(NAMESPACE_URL, "secretariat:evaluation")


@dataclass(frozen=True, slots=True)
class EvaluationDocument:
    id: str
    title: str
    text: str


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
    """Means over the queries; seconds are wall-clock, latencies of single searches, embedding included."""

    name: str
    documents: int
    chunks: int
    queries: int
    recall: Mapping[int, float]
    ndcg_at_10: float
    ingest_s: float
    search_p50_s: float
    search_p95_s: float

    @property
    def documents_per_s(self) -> float:
        return self.documents / self.ingest_s if self.ingest_s else 0.0


def recall_at(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Share of the relevant documents among the first k."""
    return len({*ranked[:k]} & relevant.keys()) / len(relevant)


def ndcg_at(ranked: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """Discounted gain over that of the best order (Jarvelin, Kekalainen 2002; linear as in trec_eval)."""
    found = sum(gains.get(item, 0) / math.log2(rank + 1) for rank, item in enumerate(ranked[:k], 1))
    ideal = sorted(gains.values(), reverse=True)[:k]
    return found / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(ideal, 1))


def read_beir(directory: Path) -> EvaluationSet:
    """corpus.jsonl, queries.jsonl and qrels/test.tsv; queries without a relevant document are left out."""
    gains: dict[str, dict[str, int]] = {}
    for line in (directory / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            gains.setdefault(query, {})[document] = int(score)
    return EvaluationSet(
        name=directory.name,
        documents=tuple(
            EvaluationDocument(row["_id"], row.get("title") or "", row["text"])
            for row in _json_lines(directory / "corpus.jsonl")
        ),
        queries=tuple(
            EvaluationQuery(row["_id"], row["text"], gains[row["_id"]])
            for row in _json_lines(directory / "queries.jsonl")
            if row["_id"] in gains
        ),
    )


def read_rho_bank(directory: Path) -> EvaluationSet:
    """documents.json and tasks.json: what the customer is told to want is the query."""
    documents = json.loads((directory / "documents.json").read_text("utf-8"))
    tasks = json.loads((directory / "tasks.json").read_text("utf-8"))
    return EvaluationSet(
        name=directory.name,
        documents=tuple(EvaluationDocument(row["id"], row["title"], row["content"]) for row in documents),
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
    report_progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> EvaluationReport:
    """Ingests the documents into memory and runs every query, one after another."""
    ids = {uuid5(_TENANT, document.id): document.id for document in collection.documents}
    log = MemoryChunkLog()
    view = IndexView(_TENANT, log)
    began = time.perf_counter()
    for done, document in enumerate(collection.documents, 1):
        log.append(await _chunks(document, embedder, call))
        report_progress("documents", done, len(collection.documents))
    await view.catch_up()
    ingest_s = time.perf_counter() - began
    pipeline = Pipeline(view, _Everything(frozenset(ids)), embedder, call)
    ranked: list[list[str]] = []
    times: list[float] = []
    for done, query in enumerate(collection.queries, 1):
        began = time.perf_counter()
        result = await pipeline.search(Scope(_TENANT, frozenset()), SearchRequest(query.text, limit=400))
        times.append(time.perf_counter() - began)
        ranked.append(list(dict.fromkeys(ids[found.chunk.document_id] for found in result.passages)))
        report_progress("queries", done, len(collection.queries))
    return _report(collection, view.size, ranked, times, ingest_s)


class _Everything:
    """An Authority over public documents."""

    def __init__(self, documents: frozenset[UUID]) -> None:
        self._documents = documents

    async def permit(self, scope: Scope) -> Permit:
        assert scope.tenant == _TENANT, scope
        return Permit(collections={_TENANT: _TENANT})

    async def matching(self, scope: Scope, where: DocumentFilter) -> frozenset[UUID]:
        assert scope.tenant == _TENANT, scope
        assert where == DocumentFilter(), where
        return self._documents

    async def readable(self, scope: Scope, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        assert scope.tenant == _TENANT, scope
        return dict.fromkeys(self._documents.intersection(document_ids), _TENANT)


async def _chunks(document: EvaluationDocument, embedder: Embedder, call: CallContext) -> list[Chunk]:
    extracted = extract(document.text.encode(), DEFAULT_LIMITS)
    title = document.title or extracted.title or document.id
    parsed = ParsedDocument(title, extracted.text, "text/markdown", extracted.sections)
    drafts = split(parsed) if parsed.text else []
    vectors = await embed_chunks(title, drafts, embedder=embedder, call=call, progress=_silent)
    document_id = uuid5(_TENANT, document.id)
    return [
        Chunk(
            id=uuid5(document_id, str(draft.ordinal)),
            collection_id=_TENANT,
            document_id=document_id,
            document_title=title,
            ordinal=draft.ordinal,
            span=draft.span,
            text=draft.text,
            heading_path=draft.heading_path,
            sha256=draft.sha256,
            vector=vector,
            seq=0,
        )
        for draft, vector in zip(drafts, vectors, strict=True)
    ]


async def _silent(_done: int, _total: int) -> None:
    return


def _report(
    collection: EvaluationSet,
    chunks: int,
    ranked: Sequence[Sequence[str]],
    times: Sequence[float],
    ingest_s: float,
) -> EvaluationReport:
    pairs = list(zip(ranked, (query.gains for query in collection.queries), strict=True))
    return EvaluationReport(
        name=collection.name,
        documents=len(collection.documents),
        chunks=chunks,
        queries=len(collection.queries),
        recall={k: fmean(recall_at(found, gains, k) for found, gains in pairs) for k in RECALL_AT},
        ndcg_at_10=fmean(ndcg_at(found, gains, 10) for found, gains in pairs),
        ingest_s=ingest_s,
        search_p50_s=_quantile(times, 0.50),
        search_p95_s=_quantile(times, 0.95),
    )


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
