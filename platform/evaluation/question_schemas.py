"""What an evaluation tells of its questions, and of two configurations side by side, on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from secretariat.platform.evaluation.bounds import Bounds


class QuestionScore(BaseModel):
    """Of one question under one configuration; each between 0 and 1."""

    configuration: str
    ndcg_at_10: float
    recall_at_10: float
    recall_at_100: float
    mrr: float


class EvaluatedQuestion(BaseModel):
    """`text` is null once its set is deleted. `out_of_reach` of the required documents count as not found."""

    id: UUID
    name: str | None
    text: str | None
    required: int
    out_of_reach: int
    scores: list[QuestionScore]


class FoundDocument(BaseModel):
    id: UUID
    name: str
    title: str | None


class RequiredRank(BaseModel):
    configuration: str
    rank: int | None


class RequiredFound(BaseModel):
    """`document`, as the set says; null once the set is deleted. `found` is null, and there are no ranks, where
    the asker could not read it then, or may not now. A rank is null where it was not found."""

    document: str | None
    gain: int | None
    found: FoundDocument | None
    ranks: list[RequiredRank]


class RankedDocument(BaseModel):
    """`document` is null where the asker may not read it any more, or it is gone."""

    rank: int
    document: FoundDocument | None
    required: bool


class ConfigurationRanking(BaseModel):
    """The documents that were found first, best first."""

    configuration: str
    documents: list[RankedDocument]


class QuestionResult(EvaluatedQuestion):
    documents: list[RequiredFound]
    rankings: list[ConfigurationRanking]


class MeasureDifference(Bounds):
    """Of one minus the other, over the same questions. `p_value`: how often chance alone does as much (paired
    randomisation test, two-sided). `better`, `worse`, `equal` count questions."""

    p_value: float
    better: int
    worse: int
    equal: int


class MeasureDifferences(BaseModel):
    ndcg_at_10: MeasureDifference
    recall_at_10: MeasureDifference
    recall_at_100: MeasureDifference
    mrr: MeasureDifference


class ComparedSide(BaseModel):
    evaluation_id: UUID
    configuration: str
    finished_at: datetime | None


class ChangedQuestion(BaseModel):
    """`difference` is that of nDCG@10."""

    id: UUID
    name: str | None
    text: str | None
    one: QuestionScore
    other: QuestionScore
    difference: float


class Comparison(BaseModel):
    """`changed` holds the questions that changed most, the largest change first; none that stayed the same."""

    one: ComparedSide
    other: ComparedSide
    questions: int
    differences: MeasureDifferences
    changed: list[ChangedQuestion]
