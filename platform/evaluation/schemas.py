"""What sets of questions and evaluations look like on the wire."""

from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from secretariat.platform.evaluation.bounds import Bounds
from secretariat.platform.evaluation.strategies.schemas import StrategiesResult
from secretariat.retrieval.search.configuration import CONFIGURATIONS

EvaluationStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
EvaluationKind = Literal["search", "strategies"]
StrategyName = Literal["closed_book", "rag", "adapter", "both", "long_context"]
MOST_CONFIGURATIONS = 4


def _known(name: str) -> str:
    if name not in CONFIGURATIONS:
        raise ValueError(f"no such configuration; there are {', '.join(CONFIGURATIONS)}")
    return name


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("a configuration is named once")
    return names


class SearchConfiguration(BaseModel):
    """A way to search that can be measured. `uses`: meaning, words, rerank …"""

    name: str
    uses: list[str]


class SearchConfigurations(BaseModel):
    data: list[SearchConfiguration]


class QuestionSetView(BaseModel):
    """`left_out`: how many questions of its file named no document that answers."""

    id: UUID
    name: str
    questions: int
    left_out: int
    created_at: datetime


class RequiredDocument(BaseModel):
    """`document` is an id or the name of a file, as the set says."""

    document: str
    gain: int


class QuestionView(BaseModel):
    """`name` is what its file calls it."""

    id: UUID
    name: str
    text: str
    required: list[RequiredDocument]
    answers: list[str] | None


class EvaluationRequest(BaseModel):
    """Of search, in `configurations`: the first is what the others are compared with. Or of answers, by
    `strategies`, with the model and the adapter of an assistant; the set's questions must state theirs. Without
    collections all that the caller may read is searched."""

    model_config = ConfigDict(extra="forbid")

    question_set_id: UUID
    configurations: Annotated[list[Annotated[str, AfterValidator(_known)]], AfterValidator(_each_once)] = (
        Field(default=["default"], min_length=1, max_length=MOST_CONFIGURATIONS)
    )
    collection_ids: list[UUID] = Field(default=[], max_length=100)
    kind: EvaluationKind = "search"
    strategies: Annotated[list[StrategyName], AfterValidator(_each_once)] = Field(
        default=[], description="All of them, unless named."
    )
    assistant_id: UUID | None = None

    @property
    def ways(self) -> list[str]:
        if self.kind == "search":
            return self.configurations
        return [*(self.strategies or get_args(StrategyName))]

    @model_validator(mode="after")
    def _of_its_kind(self) -> "EvaluationRequest":
        if self.kind == "search" and (self.strategies or self.assistant_id):
            raise ValueError("an evaluation of search has no strategies and no assistant")
        if self.kind == "strategies" and self.configurations != ["default"]:
            raise ValueError("an evaluation of strategies searches as search is")
        return self


class EvaluationProgress(BaseModel):
    """In questions. `eta_s` is an estimate from the pace so far; null until there is one."""

    done: int
    total: int
    eta_s: float | None


class EvaluationError(BaseModel):
    code: str
    message: str


class MeasureBounds(BaseModel):
    ndcg_at_10: Bounds
    recall_at_10: Bounds
    recall_at_100: Bounds
    mrr: Bounds


class ConfigurationResult(BaseModel):
    """`p50_ms`, `p95_ms`: what a search took, embedding of the question included."""

    configuration: str
    measures: MeasureBounds
    p50_ms: float
    p95_ms: float


class EvaluationResult(BaseModel):
    """`required` counts documents over all questions; `out_of_reach` of these were not there, not ready or not for
    the person who asked, and count as not found. `documents` were in reach. `index_moved`: whether documents came
    or went meanwhile; told to those who manage collections, null to others."""

    configurations: list[ConfigurationResult]
    questions: int
    required: int
    out_of_reach: int
    documents: int
    index_moved: bool | None


class QuestionSetRef(BaseModel):
    id: UUID
    name: str
    deleted: bool


class Evaluation(BaseModel):
    """Once it is completed there is `result` for one of search, `strategies` for one of answers. `configurations`
    are the strategies there."""

    id: UUID
    kind: EvaluationKind
    question_set: QuestionSetRef
    configurations: list[str]
    collection_ids: list[UUID]
    status: EvaluationStatus
    progress: EvaluationProgress
    cancel_requested: bool
    result: EvaluationResult | None
    strategies: StrategiesResult | None
    assistant_id: UUID | None
    error: EvaluationError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
