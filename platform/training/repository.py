"""The queries of training: uploads, jobs, examples, metrics, adapters, their evaluations, comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from secretariat.platform.access.authority import document_readable
from secretariat.platform.contents.store import StoredContent
from secretariat.platform.db.base import Base
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.contents import BlobPiece, Content
from secretariat.platform.tables.conversations import ConversationRow, TurnFeedbackRow, TurnRow
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.evaluations import QuestionRow
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.jobs import Job
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.tables.training import (
    AdapterEvaluationRow,
    AdapterRow,
    ComparisonRow,
    TrainingExampleRow,
    TrainingJobRow,
    TrainingMetricRow,
    TrainingUploadRow,
)

MOVING = ("queued", "running")
Row = TypeVar("Row", TrainingUploadRow, TrainingJobRow, AdapterRow, AdapterEvaluationRow, ComparisonRow)


async def add(session: TenantSession, row: Base) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def add_all(session: TenantSession, rows: Sequence[Base]) -> None:
    session.add_all(rows)
    await session.flush()


async def _newest(
    session: TenantSession, query: Select[Row], kind: type[Row], *, limit: int, after: UUID | None
) -> list[Row]:
    if after is not None:
        query = query.where(kind.id < after)
    return list(await session.scalars(query.order_by(kind.id.desc()).limit(limit)))


async def upload(session: TenantSession, upload_id: UUID, *, lock: bool = False) -> TrainingUploadRow | None:
    """Unless its examples are gone."""
    query = select(TrainingUploadRow).where(
        TrainingUploadRow.id == upload_id, TrainingUploadRow.content_id.is_not(None)
    )
    query = query.with_for_update() if lock else query
    return await session.scalar(query.execution_options(populate_existing=True))


async def uploads(session: TenantSession, *, limit: int, after: UUID | None) -> list[TrainingUploadRow]:
    return await _newest(session, select(TrainingUploadRow), TrainingUploadRow, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class StoredJob:
    row: TrainingJobRow
    job: Job | None
    adapter_id: UUID | None

    @property
    def id(self) -> UUID:
        return self.row.id


def _stored() -> Select[TrainingJobRow, Job, UUID]:
    made = and_(AdapterRow.training_job_id == TrainingJobRow.id, AdapterRow.status != "deleted")
    return (
        select(TrainingJobRow, Job, AdapterRow.id)
        .outerjoin(Job, Job.id == TrainingJobRow.job_id)
        .outerjoin(AdapterRow, made)
    )


async def training_job(session: TenantSession, training_job_id: UUID) -> StoredJob | None:
    query = _stored().where(TrainingJobRow.id == training_job_id)
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    return StoredJob(*row) if row else None


async def training_jobs(
    session: TenantSession, *, limit: int, after: UUID | None, status: str | None
) -> list[StoredJob]:
    """Newest first."""
    query = _stored().order_by(TrainingJobRow.id.desc()).limit(limit)
    if after is not None:
        query = query.where(TrainingJobRow.id < after)
    if status is not None:
        query = query.where(TrainingJobRow.status == status)
    return [StoredJob(*row) for row in await session.execute(query)]


async def locked(session: TenantSession, training_job_id: UUID) -> TrainingJobRow | None:
    query = select(TrainingJobRow).where(TrainingJobRow.id == training_job_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def moving(session: TenantSession) -> int:
    """How many training jobs of the tenant have yet to end."""
    query = select(func.count()).select_from(TrainingJobRow).where(TrainingJobRow.status.in_(MOVING))
    return await session.scalar(query) or 0


async def examples(
    session: TenantSession, training_job_id: UUID, *, limit: int | None = None, after: UUID | None = None
) -> list[TrainingExampleRow]:
    """In their order."""
    query = select(TrainingExampleRow).where(TrainingExampleRow.training_job_id == training_job_id)
    if after is not None:
        start = select(TrainingExampleRow.ordinal).where(
            TrainingExampleRow.id == after, TrainingExampleRow.training_job_id == training_job_id
        )
        query = query.where(TrainingExampleRow.ordinal > start.scalar_subquery())
    return list(await session.scalars(query.order_by(TrainingExampleRow.ordinal).limit(limit)))


async def examples_by_id(session: TenantSession, ids: Sequence[UUID]) -> list[TrainingExampleRow]:
    query = select(TrainingExampleRow).where(TrainingExampleRow.id.in_(ids))
    return list(await session.scalars(query.order_by(TrainingExampleRow.ordinal)))


async def question_words(session: TenantSession) -> list[UUID]:
    """Where the questions of all the tenant's sets stand."""
    query = select(QuestionRow.content_id).where(QuestionRow.content_id.is_not(None))
    return [one for one in await session.scalars(query.order_by(QuestionRow.id)) if one is not None]


async def gate_words(session: TenantSession) -> list[UUID]:
    """Where the questions of evaluations of adapters stand, or which examples were asked."""
    query = select(AdapterEvaluationRow.words_id).where(AdapterEvaluationRow.words_id.is_not(None))
    return [one for one in await session.scalars(query.order_by(AdapterEvaluationRow.id)) if one is not None]


async def stored(session: TenantSession, content_ids: Sequence[UUID]) -> list[StoredContent]:
    """What records say of words."""
    rows = await session.scalars(select(Content).where(Content.id.in_(content_ids)).order_by(Content.id))
    return [StoredContent(row.id, row.commitment, row.media_type, row.size) for row in rows]


async def metrics(
    session: TenantSession, training_job_id: UUID, after: int, limit: int
) -> list[TrainingMetricRow]:
    query = select(TrainingMetricRow).where(
        TrainingMetricRow.training_job_id == training_job_id, TrainingMetricRow.seq > after
    )
    return list(await session.scalars(query.order_by(TrainingMetricRow.seq).limit(limit)))


async def newest_metric(session: TenantSession, training_job_id: UUID) -> TrainingMetricRow | None:
    query = select(TrainingMetricRow).where(TrainingMetricRow.training_job_id == training_job_id)
    return await session.scalar(query.order_by(TrainingMetricRow.seq.desc()).limit(1))


async def steady(session: TenantSession, job_id: UUID) -> None:
    """It got on in this lease: how often it was interrupted before is no reason to give it up."""
    await session.execute(update(Job).where(Job.id == job_id).values(attempt=1))


async def adapters(session: TenantSession, *, limit: int, after: UUID | None) -> list[AdapterRow]:
    query = select(AdapterRow).where(AdapterRow.status != "deleted")
    return await _newest(session, query, AdapterRow, limit=limit, after=after)


async def adapter_of(session: TenantSession, training_job_id: UUID) -> AdapterRow | None:
    return await session.scalar(select(AdapterRow).where(AdapterRow.training_job_id == training_job_id))


async def publications(session: TenantSession, adapter_ids: Sequence[UUID]) -> Mapping[UUID, list[Assistant]]:
    query = select(Assistant).where(Assistant.adapter_id.in_(adapter_ids)).order_by(Assistant.id)
    found: dict[UUID, list[Assistant]] = {}
    for row in await session.scalars(query):
        assert row.adapter_id is not None
        found.setdefault(row.adapter_id, []).append(row)
    return found


async def assistant(session: TenantSession, assistant_id: UUID) -> Assistant | None:
    query = select(Assistant).where(Assistant.id == assistant_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def forget_files(session: TenantSession, blob_id: UUID) -> None:
    pieces = BlobPiece.metadata.tables[BlobPiece.__tablename__]
    await session.execute(pieces.delete().where(pieces.c.blob_id == blob_id))


async def evaluation(session: TenantSession, evaluation_id: UUID) -> AdapterEvaluationRow | None:
    query = select(AdapterEvaluationRow).where(AdapterEvaluationRow.id == evaluation_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def evaluations(
    session: TenantSession, adapter_id: UUID, *, limit: int, after: UUID | None
) -> list[AdapterEvaluationRow]:
    query = select(AdapterEvaluationRow).where(AdapterEvaluationRow.adapter_id == adapter_id)
    return await _newest(session, query, AdapterEvaluationRow, limit=limit, after=after)


async def latest_evaluations(
    session: TenantSession, adapter_ids: Sequence[UUID]
) -> dict[UUID, AdapterEvaluationRow]:
    query = (
        select(AdapterEvaluationRow)
        .where(AdapterEvaluationRow.adapter_id.in_(adapter_ids))
        .ext(distinct_on(AdapterEvaluationRow.adapter_id))
        .order_by(AdapterEvaluationRow.adapter_id, AdapterEvaluationRow.id.desc())
    )
    return {row.adapter_id: row for row in await session.scalars(query)}


async def comparison(session: TenantSession, comparison_id: UUID, created_by: UUID) -> ComparisonRow | None:
    """That person's."""
    query = select(ComparisonRow).where(
        ComparisonRow.id == comparison_id, ComparisonRow.created_by == created_by
    )
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def comparison_at_work(session: TenantSession, comparison_id: UUID) -> ComparisonRow | None:
    query = select(ComparisonRow).where(ComparisonRow.id == comparison_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def comparisons(
    session: TenantSession, created_by: UUID, *, limit: int, after: UUID | None
) -> list[ComparisonRow]:
    query = select(ComparisonRow).where(ComparisonRow.created_by == created_by)
    return await _newest(session, query, ComparisonRow, limit=limit, after=after)


async def chosen_comparisons(session: TenantSession) -> list[ComparisonRow]:
    """Those in which one answer was better."""
    query = select(ComparisonRow).where(
        ComparisonRow.status == "chosen", ComparisonRow.choice.in_(("a", "b"))
    )
    return list(await session.scalars(query.order_by(ComparisonRow.id)))


async def judged_turns(session: TenantSession, limit: int) -> list[tuple[TurnRow, TurnFeedbackRow]]:
    """Answered turns that somebody judged, in conversations that are there; each with each judgement."""
    query = (
        select(TurnRow, TurnFeedbackRow)
        .join(TurnFeedbackRow, TurnFeedbackRow.turn_id == TurnRow.id)
        .join(ConversationRow, ConversationRow.id == TurnRow.conversation_id)
        .where(TurnRow.status == "completed", ConversationRow.deletion.is_(None))
        .order_by(TurnRow.id, TurnFeedbackRow.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def readable_documents(
    session: TenantSession, principals: frozenset[str], ids: Sequence[UUID]
) -> list[Document]:
    """Ready ones, in the order in which they came."""
    query = select(Document).where(
        Document.id.in_(ids), Document.status == "ready", document_readable(principals)
    )
    return list(await session.scalars(query.order_by(Document.id)))


async def person_is_there(session: TenantSession, user_id: UUID) -> bool:
    return bool(await session.scalar(select(exists().where(User.id == user_id))))


async def any_moving(session: TenantSession, adapter_id: UUID) -> bool:
    """Whether an evaluation of it, or a comparison with it, has yet to end."""
    mine = str(adapter_id)
    evaluated = exists().where(
        AdapterEvaluationRow.adapter_id == adapter_id, AdapterEvaluationRow.status.in_(MOVING)
    )
    compared = exists().where(
        ComparisonRow.status == "queued",
        or_(
            ComparisonRow.sides["a"].as_string() == mine,
            ComparisonRow.sides["b"].as_string() == mine,
        ),
    )
    return bool(await session.scalar(select(or_(evaluated, compared))))


def line_of(row: TrainingMetricRow) -> dict[str, Any]:
    return {"seq": row.seq, "at": row.at, **row.line}
