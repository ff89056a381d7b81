"""What adapters, their evaluations and blind comparisons look like on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.platform.training.gate import Reason
from secretariat.platform.training.schemas import Recipe, TrainingError, TrainingStatus

AdapterStatus = Literal["made", "passed", "refused"]
AfterErasure = Literal["unpublish", "keep"]
Choice = Literal["a", "b", "tie", "neither"]
_LONGEST = 20_000


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AdapterQuestion(_Closed):
    question: str = Field(min_length=1, max_length=_LONGEST, pattern=r"\S")
    answer: str = Field(min_length=1, max_length=_LONGEST, pattern=r"\S")


class AdapterEvaluationRequest(_Closed):
    """Without questions the job's held-out examples are asked."""

    questions: list[AdapterQuestion] = Field(default=[], max_length=200)


class Interval(BaseModel):
    """A mean over the questions, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float


class AdapterEvaluationResult(BaseModel):
    """Mean token F1 of the answers of the base model and of the adapter; `difference`: the adapter's minus the
    base's. `reasons` says why it was refused."""

    base_f1: float
    adapter_f1: float
    difference: Interval
    better: int
    worse: int
    gap: float | None
    reasons: list[Reason]


class AdapterEvaluation(BaseModel):
    """`passed` is there once it is completed."""

    id: UUID
    adapter_id: UUID
    status: TrainingStatus
    questions: int
    result: AdapterEvaluationResult | None
    passed: bool | None
    error: TrainingError | None
    created_by: UUID
    created_at: datetime
    finished_at: datetime | None


class AdapterPublication(BaseModel):
    assistant_id: UUID
    name: str


class Retraining(BaseModel):
    """`erased`: how many of its examples are gone since."""

    since: datetime
    erased: int


class Adapter(BaseModel):
    """`digest`: SHA-256 of its weights. `gap`: held-out minus training loss of its job. `published_for`: the
    assistants that answer with it. `after_erasure`: whether they stop when examples that it learnt from are
    erased."""

    id: UUID
    name: str
    training_job_id: UUID
    recipe: Recipe
    model: str
    kind: Literal["lora", "svf"]
    digest: str
    bytes: int
    status: AdapterStatus
    gap: float | None
    published_for: list[AdapterPublication]
    retraining: Retraining | None
    after_erasure: AfterErasure
    evaluation: AdapterEvaluation | None
    created_by: UUID
    created_at: datetime


class AdapterUpdate(_Closed):
    after_erasure: AfterErasure


class Publication(_Closed):
    assistant_id: UUID


class BlindComparisonRequest(_Closed):
    """One adapter against another or, without `against_adapter_id`, against the base model."""

    prompt: str = Field(min_length=1, max_length=_LONGEST, pattern=r"\S")
    adapter_id: UUID
    against_adapter_id: UUID | None = None


class BlindChoice(_Closed):
    choice: Choice


class Sides(BaseModel):
    """The adapter that gave each answer; null for the base model."""

    a: UUID | None
    b: UUID | None


class BlindComparison(BaseModel):
    """`a` and `b` are the answers, in an order that says nothing; `sides` is told once a choice was made."""

    id: UUID
    status: Literal["queued", "ready", "chosen", "failed", "erased"]
    prompt: str | None
    a: str | None
    b: str | None
    choice: Choice | None
    sides: Sides | None
    error: TrainingError | None
    created_at: datetime
    chosen_at: datetime | None
