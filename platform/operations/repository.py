"""What jobs are about, as far as the reader may know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select, true

from secretariat.platform.access.authority import document_readable
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import TurnRow, WorkRow
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.jobs import Job
from secretariat.platform.tables.tasks import TaskRow

_LIVED_ONCE: Mapping[str, type[TaskRow | TurnRow | WorkRow]] = MappingProxyType(
    {"task": TaskRow, "turn": TurnRow, "work": WorkRow}
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks for jobs. Without `all`: for their own, and for those about documents that they may read."""

    user_id: UUID
    principals: frozenset[str]
    all: bool

    def sees(self) -> ColumnElement[bool]:
        """A condition on Job."""
        if self.all:
            return true()
        readable = exists().where(Document.id == Job.subject_id, document_readable(self.principals))
        return or_(Job.requested_by == self.user_id, and_(Job.subject_type == "document", readable))


async def job(session: TenantSession, reader: Reader, job_id: UUID) -> Job | None:
    return await session.scalar(select(Job).where(Job.id == job_id, reader.sees()))


async def jobs(
    session: TenantSession, reader: Reader, *, limit: int, after: UUID | None, status: str | None
) -> list[Job]:
    """Newest first."""
    query = select(Job).where(reader.sees()).order_by(Job.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Job.id < after)
    if status is not None:
        query = query.where(Job.status == status)
    return list(await session.scalars(query))


async def readable_documents(
    session: TenantSession, principals: frozenset[str], ids: Sequence[UUID]
) -> set[UUID]:
    """Those of the ids that grants open, whatever their status."""
    query = select(Document.id).where(Document.id.in_(ids), document_readable(principals))
    return set(await session.scalars(query))


async def has_ended(session: TenantSession, about: Job) -> bool:
    """Whether the job is about something to whose end nothing is added: a task, a turn or a work."""
    row = _LIVED_ONCE.get(about.subject_type)
    if row is None:
        return False
    status = await session.scalar(select(row.status).where(row.id == about.subject_id))
    return status not in ("queued", "running")
