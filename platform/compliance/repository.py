"""The queries of reading evidence."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.audit import AuditRecord, AuditSeal, Export
from secretariat.platform.tables.contents import Blob
from secretariat.platform.web.pages import PageQuery


@dataclass(frozen=True, slots=True)
class RecordFilter:
    event_types: tuple[str, ...] = ()
    actor_id: UUID | None = None
    task_id: UUID | None = None
    outcome: str | None = None
    created_gte: datetime | None = None
    created_lt: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedRecord:
    record: AuditRecord
    seal: AuditSeal | None

    @property
    def id(self) -> UUID:
        return self.record.id


@dataclass(frozen=True, slots=True)
class StoredExport:
    export: Export
    blob: Blob | None

    @property
    def id(self) -> UUID:
        return self.export.id


async def records(session: TenantSession, wanted: RecordFilter, page: PageQuery) -> list[SealedRecord]:
    """Newest first."""
    query = (
        select(AuditRecord, AuditSeal)
        .outerjoin(AuditSeal, AuditSeal.record_id == AuditRecord.id)
        .order_by(AuditRecord.id.desc())
        .limit(page.fetch)
    )
    if page.after is not None:
        query = query.where(AuditRecord.id < page.after)
    if wanted.event_types:
        query = query.where(AuditRecord.event_type.in_(wanted.event_types))
    if wanted.actor_id is not None:
        query = query.where(AuditRecord.actor["id"].astext == str(wanted.actor_id))
    if wanted.task_id is not None:
        query = query.where(AuditRecord.task_id == wanted.task_id)
    if wanted.outcome is not None:
        query = query.where(AuditRecord.outcome == wanted.outcome)
    if wanted.created_gte is not None:
        query = query.where(AuditRecord.time >= wanted.created_gte)
    if wanted.created_lt is not None:
        query = query.where(AuditRecord.time < wanted.created_lt)
    return [SealedRecord(record, seal) for record, seal in await session.execute(query)]


async def record(session: TenantSession, record_id: UUID) -> SealedRecord | None:
    query = (
        select(AuditRecord, AuditSeal)
        .outerjoin(AuditSeal, AuditSeal.record_id == AuditRecord.id)
        .where(AuditRecord.id == record_id)
    )
    row = (await session.execute(query)).first()
    return SealedRecord(row[0], row[1]) if row else None


async def seq_range(session: TenantSession, start: datetime, end: datetime) -> tuple[int, int] | None:
    """The smallest run of numbers that holds every record of the window; None when there is none."""
    query = (
        select(func.min(AuditSeal.seq), func.max(AuditSeal.seq))
        .join(AuditRecord, AuditRecord.id == AuditSeal.record_id)
        .where(AuditRecord.time >= start, AuditRecord.time < end)
    )
    low, high = (await session.execute(query)).one()
    return (low, high) if low is not None else None


async def exports(session: TenantSession, page: PageQuery) -> list[StoredExport]:
    """Newest first."""
    query = (
        select(Export, Blob)
        .outerjoin(Blob, Blob.id == Export.blob_id)
        .order_by(Export.id.desc())
        .limit(page.fetch)
    )
    if page.after is not None:
        query = query.where(Export.id < page.after)
    return [StoredExport(export, blob) for export, blob in await session.execute(query)]


async def export(session: TenantSession, export_id: UUID) -> StoredExport | None:
    query = select(Export, Blob).outerjoin(Blob, Blob.id == Export.blob_id).where(Export.id == export_id)
    row = (await session.execute(query)).first()
    return StoredExport(row[0], row[1]) if row else None
