"""The queries of works."""

from uuid import UUID

from sqlalchemy import select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import WorkRow
from secretariat.platform.tables.documents import Document


async def add(session: TenantSession, row: WorkRow) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def work(session: TenantSession, work_id: UUID, created_by: UUID) -> WorkRow | None:
    query = select(WorkRow).where(WorkRow.id == work_id, WorkRow.created_by == created_by)
    return await session.scalar(query.execution_options(populate_existing=True))


async def locked(session: TenantSession, work_id: UUID) -> WorkRow | None:
    query = select(WorkRow).where(WorkRow.id == work_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def status(session: TenantSession, work_id: UUID) -> str | None:
    return await session.scalar(select(WorkRow.status).where(WorkRow.id == work_id))


async def document_status(session: TenantSession, document_id: UUID) -> str | None:
    return await session.scalar(select(Document.status).where(Document.id == document_id))
