"""From what was found to how good that is: one question's ranking, and the means over a set. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any
from uuid import UUID

from secretariat.platform.evaluation.questions import Question
from secretariat.retrieval.measures import interval, ndcg_at, recall_at, reciprocal_rank

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Values:
    """Of one question; each between 0 and 1. Field by field what MEASURES names."""

    ndcg_at_10: float
    recall_at_10: float
    recall_at_100: float
    mrr: float


MEASURES = tuple(field.name for field in fields(Values))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a required document was found. `document_id` None: the person can't read it, or it isn't there."""

    document_id: UUID | None
    rank: int | None

    def as_json(self) -> dict[str, Any]:
        return {"document_id": str(self.document_id) if self.document_id else None, "rank": self.rank}


@dataclass(frozen=True, slots=True)
class Score:
    """`document_ids`: the documents found first, best first. `required` follows the question's order."""

    values: Values
    document_ids: tuple[UUID, ...]
    required: tuple[Place, ...]


def score(question: Question, readable: Mapping[str, Sequence[UUID]], found: Sequence[UUID]) -> Score:
    """Of documents in the order of their best passages; a document may come again.

    `readable`: the documents that the person may read by each name under which the question requires them. Any
    document of a name will do, and further ones of the same name don't take a place in the ranking. A required
    document that can't be read counts as not found.
    """
    names = {document: name for name in question.required for document in readable.get(name, ())}
    ranked: dict[str, UUID] = {}
    for document in found:
        ranked.setdefault(names.get(document, str(document)), document)
    order = list(ranked)
    ranks = {name: rank for rank, name in enumerate(order, 1)}
    values = Values(
        ndcg_at_10=ndcg_at(order, question.required, 10),
        recall_at_10=recall_at(order, question.required, 10),
        recall_at_100=recall_at(order, question.required, 100),
        mrr=reciprocal_rank(order, question.required),
    )
    places = [
        Place(ranked.get(name) or next(iter(readable.get(name, ())), None), ranks.get(name))
        for name in question.required
    ]
    return Score(values, tuple(ranked.values())[:SHOWN], tuple(places))


@dataclass(frozen=True, slots=True)
class Measured:
    """One question under one configuration, as it was written down."""

    values: Values
    milliseconds: float
    index_seq: int
    allowed: int
    required: int
    out_of_reach: int


def summary(measured: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """What an evaluation comes to, as JSON: by configuration the means with their bounds, and times in ms.

    All configurations answered the same questions; `required` and `out_of_reach` count documents of these.
    """
    anyone = next(iter(measured.values()))
    every = [one for rows in measured.values() for one in rows]
    return {
        "configurations": [
            {"configuration": name, "measures": _means(rows), **_times(rows)}
            for name, rows in measured.items()
        ],
        "questions": len(anyone),
        "required": sum(one.required for one in anyone),
        "out_of_reach": sum(one.out_of_reach for one in anyone),
        "documents": max(one.allowed for one in every),
        "index_seq": [min(one.index_seq for one in every), max(one.index_seq for one in every)],
    }


def _means(rows: Sequence[Measured]) -> dict[str, Any]:
    columns = zip(*(astuple(one.values) for one in rows), strict=True)
    return {name: asdict(interval(column)) for name, column in zip(MEASURES, columns, strict=True)}


def _times(rows: Sequence[Measured]) -> dict[str, float]:
    ordered = sorted(one.milliseconds for one in rows)
    at = {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {f"{name}_ms": round(value, 1) for name, value in at.items()}
