"""Evidence. The service may insert records and seals and never change or delete them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class AuditRecord(Identified, Base):
    """What happened. `content` lists {ref, role, commitment, media_type, bytes}: the words are apart.

    `created_at` is not part of the sealed record; `time` is, and is set by the writer.
    """

    __tablename__ = "audit_records"
    __table_args__ = (
        CheckConstraint("outcome IN ('success', 'failure', 'denied')", name="outcome"),
        Index(None, "tenant_id", "event_type", "id"),
        Index(None, "tenant_id", "task_id", "id"),
    )

    time: Mapped[datetime]
    event_type: Mapped[str]
    action: Mapped[str]
    outcome: Mapped[str]
    actor: Mapped[dict[str, Any]]
    resource: Mapped[dict[str, Any] | None]
    task_id: Mapped[UUID | None]
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    content: Mapped[list[dict[str, Any]]]


class AuditPending(TenantRow, Base):
    """Records that wait for their seal."""

    __tablename__ = "audit_pending"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditSeal(TenantRow, Base):
    """The place of a record in its tenant's chain: gapless `seq`, hash over prev_hash and record."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        UniqueConstraint("tenant_id", "record_id"),
        ForeignKeyConstraint(["tenant_id", "record_id"], ["audit_records.tenant_id", "audit_records.id"]),
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[UUID]
    prev_hash: Mapped[str]
    hash: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AuditHead(TenantRow, Base):
    """The last seal of a tenant; its row lock makes sealing one at a time."""

    __tablename__ = "audit_heads"

    seq: Mapped[int] = mapped_column(server_default="0")
    hash: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Export(Identified, Base):
    """A compliance export; its file is a blob."""

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="status"),
        ForeignKeyConstraint(["tenant_id", "blob_id"], ["blobs.tenant_id", "blobs.id"]),
    )

    window_from: Mapped[datetime]
    window_to: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default="queued")
    job_id: Mapped[UUID | None]
    records: Mapped[int | None]
    blob_id: Mapped[UUID | None]
    error: Mapped[dict[str, Any] | None]
    requested_by: Mapped[UUID | None]
    finished_at: Mapped[datetime | None]
