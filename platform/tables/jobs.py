"""Background work: what has to be done, who holds it, and when someone must be woken for it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified


class Job(Identified, Base):
    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'quarantined')", name="status"
        ),
        Index(None, "tenant_id", "status"),
    )

    kind: Mapped[str]
    queue: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    subject_name: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="queued")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    progress_done: Mapped[int] = mapped_column(server_default="0")
    progress_total: Mapped[int] = mapped_column(server_default="0")
    requested_by: Mapped[UUID | None]
    error: Mapped[dict[str, Any] | None]
    cancel_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Lease(Identified, Base):
    """Who carries out job `id` now. `token` grows with each taking: an older holder's writes are refused."""

    __tablename__ = "leases"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["jobs.tenant_id", "jobs.id"], ondelete="CASCADE"),
    )

    token: Mapped[int]
    holder: Mapped[str]
    due_at: Mapped[datetime]


class Outbox(Identified, Base):
    """Job `id` needs a worker from `due_at` on. The row goes when the job has ended."""

    __tablename__ = "outbox"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["jobs.tenant_id", "jobs.id"], ondelete="CASCADE"),
        Index(None, "due_at"),
    )

    due_at: Mapped[datetime]


class Schedule(Identified, Base):
    """Work that comes round: `kind` is enqueued at `due_at`, then again after `every_seconds`."""

    __tablename__ = "schedules"
    __table_args__ = (Index(None, "due_at"),)

    kind: Mapped[str]
    every_seconds: Mapped[int]
    due_at: Mapped[datetime]


class IdempotencyKey(Identified, Base):
    """The answer that a key was given, kept for a day. `status` is null while the request runs."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "tenant_id", "principal", "route", "key", unique=True),)

    principal: Mapped[str]
    route: Mapped[str]
    key: Mapped[str]
    request_sha256: Mapped[str]
    status: Mapped[int | None] = mapped_column(Integer)
    response_id: Mapped[UUID | None]
