"""Assistants, tasks, their journals, effects and artefacts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class Assistant(Identified, Base):
    """`adapter_id`: what its answers are given with; it brings its own model."""

    __tablename__ = "assistants"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id", "adapter_id"], ["adapters.tenant_id", "adapters.id"]),
        Index(None, "tenant_id", "adapter_id"),
    )

    name: Mapped[str]
    instructions: Mapped[str] = mapped_column(server_default="")
    collection_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    model: Mapped[str] = mapped_column(server_default="default")
    created_by: Mapped[UUID | None]
    adapter_id: Mapped[UUID | None]


class TaskRow(Identified, Base):
    """`collection_ids` empty means all that the asker may read. `document_ids`: those whose words it has seen."""

    __tablename__ = "tasks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "request_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "assistant_id"], ["assistants.tenant_id", "assistants.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="status"),
        Index(None, "tenant_id", "created_by"),
        Index(None, "tenant_id", "request_id"),
    )

    request_id: Mapped[UUID]
    assistant_id: Mapped[UUID | None]
    collection_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    status: Mapped[str] = mapped_column(server_default="queued")
    plan_sha256: Mapped[str | None]
    abstained: Mapped[bool | None]
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    cancel_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class TaskEventRow(TenantRow, Base):
    """One event of the journal; `content_id` holds the event as JSON.

    `document_ids`: the documents whose words may stand in it, which are all that the task had seen by then.
    """

    __tablename__ = "task_events"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.id"]),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "content_id"),
    )

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    content_id: Mapped[UUID]
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class EffectRow(TenantRow, Base):
    """One change outside the loop, by what it is. `outcome` is there once it is settled."""

    __tablename__ = "effects"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.id"]),
        CheckConstraint("status IN ('reserved', 'settled')", name="status"),
    )

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tool: Mapped[str]
    arguments_sha256: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="reserved")
    outcome: Mapped[dict[str, Any] | None]
    reserved_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    settled_at: Mapped[datetime | None]


class Artifact(Identified, Base):
    """Something a task made. The effect's key is unique, so a report can't be written twice."""

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("tenant_id", "task_id", "effect_key"),
        ForeignKeyConstraint(["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.id"]),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "content_id"),
    )

    task_id: Mapped[UUID]
    effect_key: Mapped[str]
    media_type: Mapped[str]
    content_id: Mapped[UUID]
