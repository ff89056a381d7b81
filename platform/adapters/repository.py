"""The queries of adapters in use, and of the examples that they learnt from."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, exists, func, literal, or_, select, update

from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.times import now, rfc3339
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.tables.training import (
    AdapterEvaluationRow,
    AdapterRow,
    ComparisonRow,
    TrainingExampleRow,
    TrainingUploadRow,
)


async def adapter(session: TenantSession, adapter_id: UUID, *, lock: bool = False) -> AdapterRow | None:
    """Unless it was deleted."""
    query = select(AdapterRow).where(AdapterRow.id == adapter_id, AdapterRow.status != "deleted")
    query = query.with_for_update() if lock else query
    return await session.scalar(query.execution_options(populate_existing=True))


async def before_gathering(session: TenantSession) -> None:
    """Whoever makes examples, or an adapter of them, waits until what is being erased is gone; until the commit
    nothing more is erased that it would miss."""
    await session.execute(select(func.pg_advisory_xact_lock(_gathering(session))))


async def before_erasing(session: TenantSession) -> None:
    """The other side of `before_gathering`; several may erase at once."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_gathering(session))))


def _gathering(session: TenantSession) -> ColumnElement[int]:
    return func.hashtextextended(f"{session.tenant_id}:training", 0)


async def of_assistant(session: TenantSession, assistant: Assistant | None) -> AdapterRow | None:
    """What its answers are given with as of now."""
    if assistant is None or assistant.adapter_id is None:
        return None
    return await adapter(session, assistant.adapter_id)


async def published(session: TenantSession, adapter_id: UUID) -> bool:
    """Whether an assistant answers with it."""
    found = exists().where(Assistant.adapter_id == adapter_id)
    return bool(await session.scalar(select(found)))


def of_turns(turn_ids: Sequence[UUID]) -> ColumnElement[bool]:
    return TrainingExampleRow.turn_id == any_(literal(list(turn_ids), ARRAY(Uuid)))


def of_document(document_id: UUID) -> ColumnElement[bool]:
    return or_(
        TrainingExampleRow.document_id == document_id,
        TrainingExampleRow.document_ids.any_() == document_id,
    )


def of_person(user_id: UUID) -> ColumnElement[bool]:
    return TrainingExampleRow.person_ids.any_() == user_id


def of_feedback(feedback_id: UUID) -> ColumnElement[bool]:
    return TrainingExampleRow.feedback_id == feedback_id


def of_upload(upload_id: UUID) -> ColumnElement[bool]:
    return TrainingExampleRow.upload_id == upload_id


async def living(session: TenantSession, which: ColumnElement[bool]) -> list[TrainingExampleRow]:
    """Those whose words are there, until the commit."""
    query = select(TrainingExampleRow).where(which, TrainingExampleRow.content_id.is_not(None))
    return list(await session.scalars(query.order_by(TrainingExampleRow.id).with_for_update()))


async def strip(session: TenantSession, rows: Sequence[TrainingExampleRow]) -> list[UUID]:
    """The examples let go of their words; the ids of these."""
    words = [row.content_id for row in rows if row.content_id is not None]
    for row in rows:
        row.content_id, row.erased_at = None, now()
    await session.flush()
    return words


async def made_by(session: TenantSession, training_job_ids: Collection[UUID]) -> list[AdapterRow]:
    """The jobs' adapters that weren't deleted, locked."""
    query = select(AdapterRow).where(
        AdapterRow.training_job_id.in_(training_job_ids), AdapterRow.status != "deleted"
    )
    return list(await session.scalars(query.order_by(AdapterRow.id).with_for_update()))


async def mark(
    session: TenantSession, rows: Sequence[AdapterRow], erased: Mapping[UUID, int]
) -> list[AdapterRow]:
    """Those that are to be made again. `erased`: how many examples that were learnt from, by job."""
    marked = [row for row in rows if erased.get(row.training_job_id)]
    for row in marked:
        before = row.retraining or {"since": rfc3339(now()), "erased": 0}
        row.retraining = {**before, "erased": before["erased"] + erased[row.training_job_id]}
    await session.flush()
    return marked


async def answering(session: TenantSession, adapter_ids: Sequence[UUID]) -> list[Assistant]:
    """The assistants that answer with one of them, locked."""
    query = select(Assistant).where(Assistant.adapter_id.in_(adapter_ids)).order_by(Assistant.id)
    return list(await session.scalars(query.with_for_update().execution_options(populate_existing=True)))


async def strip_evaluations(session: TenantSession, adapter_ids: Sequence[UUID]) -> list[UUID]:
    """Evaluations repeat examples, and models' answers to them: they let go of their words, too; the ids of
    these."""
    query = select(AdapterEvaluationRow).where(AdapterEvaluationRow.adapter_id.in_(adapter_ids))
    rows = list(await session.scalars(query.with_for_update()))
    words = [one for row in rows for one in (row.words_id, row.answers_id) if one is not None]
    for row in rows:
        row.words_id = row.answers_id = None
    await session.flush()
    return words


async def strip_uploads(session: TenantSession, user_id: UUID) -> list[UUID]:
    """Of what that person brought; the ids of the words."""
    there = TrainingUploadRow.created_by == user_id, TrainingUploadRow.content_id.is_not(None)
    words = list(await session.scalars(select(TrainingUploadRow.content_id).where(*there)))
    await session.execute(update(TrainingUploadRow).where(*there).values(content_id=None))
    return [one for one in words if one is not None]


async def strip_comparisons(session: TenantSession, user_id: UUID) -> tuple[list[UUID], int]:
    """Of what that person had compared: the ids of the words, and how many comparisons these were."""
    rows = list(
        await session.scalars(
            select(ComparisonRow)
            .where(ComparisonRow.created_by == user_id, ComparisonRow.status != "erased")
            .with_for_update()
        )
    )
    words = [one for row in rows for one in (row.prompt_id, row.a_id, row.b_id) if one is not None]
    for row in rows:
        row.prompt_id = row.a_id = row.b_id = None
        row.status = "erased"
    await session.flush()
    return words, len(rows)


async def learnt_words(session: TenantSession, training_job_id: UUID) -> list[UUID]:
    """Where the words of the examples stand that the job learns from, in their order."""
    here = TrainingExampleRow.training_job_id == training_job_id, TrainingExampleRow.held_out.is_(False)
    query = select(TrainingExampleRow.content_id).where(*here).order_by(TrainingExampleRow.ordinal)
    return [one for one in await session.scalars(query) if one is not None]


async def living_count(session: TenantSession, training_job_id: UUID) -> int:
    query = select(func.count()).select_from(TrainingExampleRow)
    here = TrainingExampleRow.training_job_id == training_job_id, TrainingExampleRow.content_id.is_not(None)
    return await session.scalar(query.where(*here)) or 0
