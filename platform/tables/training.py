"""Training: jobs, the examples that they learn from with their lineage, their metrics, and what came of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class TrainingUploadRow(Identified, Base):
    """Examples that somebody brought; `content_id` holds them as lines of JSON until they are deleted."""

    __tablename__ = "training_uploads"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("kind IN ('chat', 'preference', 'text')", name="kind"),
        Index(None, "tenant_id", "content_id"),
        Index(None, "tenant_id", "created_by"),
    )

    name: Mapped[str]
    kind: Mapped[str]
    examples: Mapped[int] = mapped_column(Integer)
    content_id: Mapped[UUID | None]
    created_by: Mapped[UUID]


class TrainingJobRow(Identified, Base):
    """`sources` {document_ids, feedback, comparisons, upload_id} and `settings` (learn, steps, learning rate,
    seed, share held out, budget) say what was asked for. `left_out`: examples that repeat what is measured with.
    `progress` is the last line that the child told, `result` what it came to: losses and the gap between them.
    `seconds`: how long children worked for it so far."""

    __tablename__ = "training_jobs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("recipe IN ('sft', 'dpo', 'svf')", name="recipe"),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="status"),
        Index(None, "tenant_id", "created_by"),
    )

    name: Mapped[str]
    recipe: Mapped[str]
    model: Mapped[str]
    sources: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="queued")
    examples: Mapped[int] = mapped_column(Integer)
    held_out: Mapped[int] = mapped_column(Integer)
    left_out: Mapped[int] = mapped_column(Integer, server_default="0")
    progress: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    seconds: Mapped[float] = mapped_column(server_default="0")
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class TrainingExampleRow(Identified, Base):
    """One example and where it comes from; `content_id` holds it as JSON until it is erased.

    What it was made of may be deleted for good, so those ids are no foreign keys: a trace stays that there was an
    example, of whom, and that it is gone. `person_ids`: whose words stand in it.
    """

    __tablename__ = "training_examples"
    __table_args__ = (
        UniqueConstraint("tenant_id", "training_job_id", "ordinal"),
        ForeignKeyConstraint(
            ["tenant_id", "training_job_id"], ["training_jobs.tenant_id", "training_jobs.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        CheckConstraint("kind IN ('chat', 'preference', 'text')", name="kind"),
        CheckConstraint("origin IN ('document', 'feedback', 'comparison', 'upload')", name="origin"),
        Index(None, "tenant_id", "content_id"),
        Index(None, "tenant_id", "turn_id"),
        Index(None, "tenant_id", "document_id"),
    )

    training_job_id: Mapped[UUID]
    ordinal: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    origin: Mapped[str]
    document_id: Mapped[UUID | None]
    turn_id: Mapped[UUID | None]
    feedback_id: Mapped[UUID | None]
    comparison_id: Mapped[UUID | None]
    upload_id: Mapped[UUID | None]
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    person_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    held_out: Mapped[bool]
    content_id: Mapped[UUID | None]
    erased_at: Mapped[datetime | None]


class TrainingMetricRow(TenantRow, Base):
    """A line that the training process told: {step, of, loss, held_out, learning_rate, tokens, …}."""

    __tablename__ = "training_metrics"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "training_job_id"], ["training_jobs.tenant_id", "training_jobs.id"]
        ),
    )

    training_job_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AdapterRow(Identified, Base):
    """What a training job made. `blob_id`: its files, until it is deleted; `digest`: SHA-256 of its weights.

    `retraining` {since, erased}: examples that it learnt from are gone, so it has to be made again.
    `after_erasure`: whether assistants stop answering with it as soon as that is so.
    """

    __tablename__ = "adapters"
    __table_args__ = (
        UniqueConstraint("tenant_id", "training_job_id"),
        ForeignKeyConstraint(
            ["tenant_id", "training_job_id"], ["training_jobs.tenant_id", "training_jobs.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "blob_id"], ["blobs.tenant_id", "blobs.id"]),
        CheckConstraint("kind IN ('lora', 'svf')", name="kind"),
        CheckConstraint("status IN ('made', 'passed', 'refused', 'deleted')", name="status"),
        CheckConstraint("after_erasure IN ('unpublish', 'keep')", name="after_erasure"),
        Index(None, "tenant_id", "blob_id"),
    )

    training_job_id: Mapped[UUID]
    name: Mapped[str]
    recipe: Mapped[str]
    model: Mapped[str]
    kind: Mapped[str]
    digest: Mapped[str]
    size: Mapped[int]
    blob_id: Mapped[UUID | None]
    gap: Mapped[float | None]
    status: Mapped[str] = mapped_column(server_default="made")
    retraining: Mapped[dict[str, Any] | None]
    after_erasure: Mapped[str] = mapped_column(server_default="unpublish")
    created_by: Mapped[UUID]


class AdapterEvaluationRow(Identified, Base):
    """An adapter's answers to questions beside the base model's. `words_id` holds the questions with the
    answers that are expected, held-out examples by their ids; `answers_id` what both models answered, all as
    JSON. `result`: numbers, and why it was refused."""

    __tablename__ = "adapter_evaluations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "adapter_id"], ["adapters.tenant_id", "adapters.id"]),
        ForeignKeyConstraint(["tenant_id", "words_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "answers_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="status"),
        Index(None, "tenant_id", "adapter_id"),
        Index(None, "tenant_id", "words_id"),
        Index(None, "tenant_id", "answers_id"),
        Index(None, "tenant_id", "created_by"),
    )

    adapter_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(server_default="queued")
    questions: Mapped[int] = mapped_column(Integer)
    words_id: Mapped[UUID | None]
    answers_id: Mapped[UUID | None]
    result: Mapped[dict[str, Any] | None]
    passed: Mapped[bool | None]
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    finished_at: Mapped[datetime | None]


class ComparisonRow(Identified, Base):
    """Two answers to one prompt, side by side. `sides` {a, b}: the adapter that gave each, null for the base
    model; told once somebody has chosen."""

    __tablename__ = "comparisons"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "prompt_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "a_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "b_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("status IN ('queued', 'ready', 'chosen', 'failed', 'erased')", name="status"),
        CheckConstraint("choice IN ('a', 'b', 'tie', 'neither')", name="choice"),
        Index(None, "tenant_id", "created_by"),
        Index(None, "tenant_id", "prompt_id"),
        Index(None, "tenant_id", "a_id"),
        Index(None, "tenant_id", "b_id"),
    )

    prompt_id: Mapped[UUID | None]
    a_id: Mapped[UUID | None]
    b_id: Mapped[UUID | None]
    sides: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="queued")
    choice: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    chosen_at: Mapped[datetime | None]
