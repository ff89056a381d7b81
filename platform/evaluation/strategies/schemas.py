"""What an evaluation of strategies tells, on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from secretariat.platform.evaluation.bounds import Bounds


class Freshness(BaseModel):
    """How a change reaches the answers: by the index, by training anew, or not at all, and how long that took.

    `newer_documents`: those in reach that came or changed after the adapter was made.
    """

    by: Literal["index", "training", "nothing"]
    seconds: float | None
    newer_documents: int | None


class Forgetting(BaseModel):
    """How a document is forgotten: by its deletion, by training anew, or not at all.

    Right answers were asked for again with their documents withheld (`asked_again`); `still_right` of these, or,
    where the strategy sees no documents, of all, came nevertheless.
    """

    by: Literal["deletion", "training", "nothing"]
    asked_again: int
    still_right: int


class StrategyFigures(BaseModel):
    """`accuracy`: share of answerable questions whose answer holds an expected one; `f1`: words shared with it.

    `cited`: share of answered ones that cite a required document. `abstained_rightly` of the unanswerable,
    `abstained_wrongly` of the answerable. Costs are of all questions, by right answer.
    """

    questions: int
    answerable: int
    right: int
    accuracy: Bounds
    f1: Bounds
    cited: float | None
    abstained_rightly: float | None
    abstained_wrongly: float | None
    tokens_per_right: float | None
    seconds_per_right: float | None
    p50_seconds: float
    freshness: Freshness
    forgetting: Forgetting


class StrategyResult(BaseModel):
    """`absent`: why it wasn't measured."""

    strategy: Literal["closed_book", "rag", "adapter", "both", "long_context"]
    absent: Literal["no_adapter"] | None
    figures: StrategyFigures | None


class MeasuredAdapter(BaseModel):
    """`learnt_questions`: how many of the questions it has learnt from; null in evaluations that didn't look."""

    id: UUID
    name: str
    made_at: datetime
    learnt_questions: int | None = None


class StrategiesResult(BaseModel):
    """`without_answers`: questions of the set that state none; they weren't asked."""

    strategies: list[StrategyResult]
    questions: int
    without_answers: int
    adapter: MeasuredAdapter | None
