"""What jobs are about, as far as the reader may know."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from secretariat.platform.access.authority import document_readable
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.tasks import TaskRow


async def readable_documents(
    session: TenantSession, principals: frozenset[str], ids: Sequence[UUID]
) -> set[UUID]:
    """Those of the ids that grants open, whatever their status."""
    query = select(Document.id).where(Document.id.in_(ids), document_readable(principals))
    return set(await session.scalars(query))


async def task_has_ended(session: TenantSession, task_id: UUID) -> bool:
    status = await session.scalar(select(TaskRow.status).where(TaskRow.id == task_id))
    return status in ("completed", "failed", "cancelled")
