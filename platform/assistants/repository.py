"""The queries of assistants."""

from uuid import UUID

from sqlalchemy import exists, or_, select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.conversations import ConversationRow
from secretariat.platform.tables.tasks import Assistant, TaskRow


async def assistant(session: TenantSession, assistant_id: UUID) -> Assistant | None:
    return await session.scalar(select(Assistant).where(Assistant.id == assistant_id))


async def assistants(session: TenantSession, *, limit: int, after: UUID | None) -> list[Assistant]:
    """Newest first."""
    query = select(Assistant).order_by(Assistant.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Assistant.id < after)
    return list(await session.scalars(query))


async def in_use(session: TenantSession, assistant_id: UUID) -> bool:
    """Whether a task or a conversation says that it answered."""
    by_task = exists().where(TaskRow.assistant_id == assistant_id)
    by_conversation = exists().where(ConversationRow.assistant_id == assistant_id)
    return bool(await session.scalar(select(or_(by_task, by_conversation))))


async def remove(session: TenantSession, row: Assistant) -> None:
    await session.delete(row)
    await session.flush()
