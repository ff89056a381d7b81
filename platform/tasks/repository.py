"""The queries of tasks, journals, effects and artefacts."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from secretariat.agents.core import Effect
from secretariat.platform.access.authority import document_readable
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.tasks import Artifact, Assistant, EffectRow, TaskEventRow, TaskRow


async def add(session: TenantSession, row: TaskRow | TaskEventRow | Artifact) -> None:
    session.add(row)
    await session.flush()


async def task(session: TenantSession, task_id: UUID, *, created_by: UUID | None = None) -> TaskRow | None:
    """With `created_by`: only if it is that person's."""
    query = select(TaskRow).where(TaskRow.id == task_id)
    if created_by is not None:
        query = query.where(TaskRow.created_by == created_by)
    return await session.scalar(query.execution_options(populate_existing=True))


async def locked_task(session: TenantSession, task_id: UUID) -> TaskRow | None:
    query = select(TaskRow).where(TaskRow.id == task_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def tasks(
    session: TenantSession, *, limit: int, after: UUID | None, created_by: UUID | None, status: str | None
) -> list[TaskRow]:
    """Newest first."""
    query = select(TaskRow).order_by(TaskRow.id.desc()).limit(limit)
    if after is not None:
        query = query.where(TaskRow.id < after)
    if created_by is not None:
        query = query.where(TaskRow.created_by == created_by)
    if status is not None:
        query = query.where(TaskRow.status == status)
    return list(await session.scalars(query))


async def cancel_requested(session: TenantSession, task_id: UUID) -> datetime | None:
    return await session.scalar(select(TaskRow.cancel_requested_at).where(TaskRow.id == task_id))


async def events(
    session: TenantSession, task_id: UUID, after: int = 0, limit: int | None = None
) -> list[TaskEventRow]:
    query = (
        select(TaskEventRow)
        .where(TaskEventRow.task_id == task_id, TaskEventRow.seq > after)
        .order_by(TaskEventRow.seq)
        .limit(limit)
    )
    return list(await session.scalars(query))


_NEWEST = select(func.max(TaskEventRow.seq)).where(TaskEventRow.task_id == bindparam("task"))


async def newest_event(database: Database, tenant_id: UUID, task_id: UUID) -> int:
    """Its number as of now, 0 where there is none; it is asked several times a second."""
    return (await database.glance(tenant_id, _NEWEST, {"task": task_id}))[0][0] or 0


async def events_of(
    session: TenantSession, task_ids: Sequence[UUID], types: Sequence[str]
) -> list[TaskEventRow]:
    query = (
        select(TaskEventRow)
        .where(TaskEventRow.task_id.in_(task_ids), TaskEventRow.type.in_(types))
        .order_by(TaskEventRow.task_id, TaskEventRow.seq)
    )
    return list(await session.scalars(query))


async def next_seq(session: TenantSession, task_id: UUID) -> int:
    """Call with the task's row locked."""
    last = await session.scalar(select(func.max(TaskEventRow.seq)).where(TaskEventRow.task_id == task_id))
    return (last or 0) + 1


async def effect(session: TenantSession, task_id: UUID, wanted: Effect) -> EffectRow:
    """The effect's row under a lock, reserved now if it was not before."""
    await session.execute(
        insert(EffectRow)
        .values(
            tenant_id=session.tenant_id,
            task_id=task_id,
            key=wanted.key,
            tool=wanted.tool,
            arguments_sha256=wanted.arguments_sha256,
        )
        .on_conflict_do_nothing()
    )
    query = select(EffectRow).where(EffectRow.task_id == task_id, EffectRow.key == wanted.key)
    return (await session.scalars(query.with_for_update())).one()


async def artifact(session: TenantSession, task_id: UUID, artifact_id: UUID) -> Artifact | None:
    return await session.scalar(
        select(Artifact).where(Artifact.task_id == task_id, Artifact.id == artifact_id)
    )


async def artifacts(session: TenantSession, task_ids: Sequence[UUID]) -> list[Artifact]:
    query = select(Artifact).where(Artifact.task_id.in_(task_ids)).order_by(Artifact.id)
    return list(await session.scalars(query))


async def assistant(session: TenantSession, assistant_id: UUID) -> Assistant | None:
    return await session.scalar(select(Assistant).where(Assistant.id == assistant_id))


async def hidden_documents(
    session: TenantSession, principals: frozenset[str], ids: AbstractSet[UUID]
) -> frozenset[UUID]:
    """Those of the ids that no grant opens now, or that are deleted, or were never there."""
    if not ids:
        return frozenset()
    query = select(Document.id).where(
        Document.id.in_(ids), Document.status != "deleted", document_readable(principals)
    )
    return frozenset(ids) - frozenset(await session.scalars(query))


def new_artifact(session: TenantSession, task_id: UUID, effect_key: str, content_id: UUID) -> Artifact:
    return Artifact(
        tenant_id=session.tenant_id,
        id=new_id(),
        task_id=task_id,
        effect_key=effect_key,
        media_type="text/markdown",
        content_id=content_id,
    )
