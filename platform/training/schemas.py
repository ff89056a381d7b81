"""What uploads of examples and training jobs look like on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

Recipe = Literal["sft", "dpo", "svf"]
ExampleKind = Literal["chat", "preference", "text"]
Origin = Literal["document", "feedback", "comparison", "upload"]
TrainingStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
EndedBy = Literal["steps", "held_out", "budget"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TrainingUpload(BaseModel):
    """`deleted`: its examples are gone for good."""

    id: UUID
    name: str
    kind: ExampleKind
    examples: int
    deleted: bool
    created_by: UUID
    created_at: datetime


class Learn(_Closed):
    """`lora`: low-rank pairs beside the model's matrices; `svf`: one number for each leading singular value."""

    kind: Literal["lora", "svf"] = "lora"
    rank: int = Field(default=8, ge=1, le=16)
    rank_stabilised: bool = False


class Budget(_Closed):
    """What a job may spend, over all its attempts: tokens that it learns from, minutes that it works."""

    tokens: int | None = Field(default=None, ge=1, le=1_000_000_000)
    minutes: float | None = Field(default=None, gt=0, le=60 * 24 * 7)

    @model_validator(mode="after")
    def _of_something(self) -> "Budget":
        if self.tokens is None and self.minutes is None:
            raise ValueError("say how many tokens or minutes it may take")
        return self


class TrainingRequest(_Closed):
    """Learn from documents (their text), from judged answers (`feedback`), from blind choices
    (`comparisons`), from an upload, or from several of them. `dpo` learns from pairs of a better and a worse
    answer, the others from answers and texts. `early_stopping`: end once the loss on held-out examples
    doesn't fall any more."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S")
    recipe: Recipe = "sft"
    model: str = Field(default="default", min_length=1, max_length=200)
    learn: Learn = Learn()
    document_ids: list[UUID] = Field(default=[], max_length=200)
    feedback: bool = False
    comparisons: bool = False
    upload_id: UUID | None = None
    budget: Budget = Budget(tokens=1_000_000)
    steps: int = Field(default=200, ge=1, le=100_000)
    learning_rate: float = Field(default=1e-4, gt=0, le=1)
    held_out_share: float = Field(default=0.1, gt=0, le=0.5)
    early_stopping: bool = True
    seed: int = Field(default=0, ge=0, lt=2**31)


class TrainingProgress(BaseModel):
    """The last that the training process told. `seconds_left` is its estimate; null until it has one."""

    step: int
    of: int
    loss: float | None
    held_out_loss: float | None
    gap: float | None
    tokens: int
    tokens_per_second: float | None
    seconds_left: float | None


class TrainingResult(BaseModel):
    """Losses in nats a token. `gap`: held-out minus training loss; a large one means that it learnt by heart."""

    steps: int
    loss: float | None
    held_out_loss: float | None
    first_held_out_loss: float | None
    gap: float | None
    ended_by: EndedBy


class TrainingError(BaseModel):
    code: str
    message: str


class TrainingJob(BaseModel):
    """`examples` are learnt from, `held_out` only measured with. `left_out`: those that repeat questions which the
    tenant measures with."""

    id: UUID
    name: str
    recipe: Recipe
    model: str
    learn: Learn
    document_ids: list[UUID]
    feedback: bool
    comparisons: bool
    upload_id: UUID | None
    budget: Budget
    steps: int
    learning_rate: float
    held_out_share: float
    early_stopping: bool
    seed: int
    status: TrainingStatus
    examples: int
    held_out: int
    left_out: int
    progress: TrainingProgress | None
    result: TrainingResult | None
    seconds_used: float
    cancel_requested: bool
    adapter_id: UUID | None
    error: TrainingError | None
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class TrainingMetric(BaseModel):
    """One step that was told. `seq` counts from 1 without gaps."""

    seq: int
    step: int
    of: int
    loss: float | None
    held_out_loss: float | None
    learning_rate: float | None
    tokens: int
    tokens_per_second: float | None
    seconds_left: float | None
    at: datetime


class TrainingMetrics(BaseModel):
    """In order; ask again with `after=last_id`."""

    object: Literal["list"] = "list"
    data: list[TrainingMetric]
    first_id: int | None
    last_id: int | None
    has_more: bool


class TrainingExample(BaseModel):
    """Where one example comes from; its words are not told. `person_ids`: whose words stand in it."""

    id: UUID
    ordinal: int
    kind: ExampleKind
    origin: Origin
    document_id: UUID | None
    turn_id: UUID | None
    feedback_id: UUID | None
    comparison_id: UUID | None
    upload_id: UUID | None
    person_ids: list[UUID]
    held_out: bool
    erased_at: datetime | None


class PersonErasure(_Closed):
    user_id: UUID


class ErasureReceipt(BaseModel):
    """`adapter_ids` are marked for retraining: they learnt from examples that are gone now. `assistant_ids`
    answered with one of them and don't any more."""

    examples: int
    uploads: int
    comparisons: int
    adapter_ids: list[UUID]
    assistant_ids: list[UUID]
    record_id: UUID


SSE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What the training process told: a list, or with Accept: text/event-stream a stream that "
        "ends with the job",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/TrainingMetrics"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}
