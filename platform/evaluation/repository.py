"""The queries of question sets, evaluations and their scores."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    any_,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from secretariat.platform.access.authority import document_readable
from secretariat.platform.contents.store import StoredContent
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.documents import Document
from secretariat.platform.tables.evaluations import (
    EvaluationRow,
    EvaluationScore,
    QuestionRow,
    QuestionSet,
    StrategyScore,
)
from secretariat.platform.tables.jobs import Job
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.tables.training import AdapterRow, TrainingJobRow

MOVING = ("queued", "running")
Order = Literal["asked", "worst"]


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    row: EvaluationRow
    set: QuestionSet
    job: Job | None

    @property
    def id(self) -> UUID:
        return self.row.id


async def add(session: TenantSession, row: QuestionSet | EvaluationRow) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def add_questions(session: TenantSession, rows: Sequence[QuestionRow]) -> None:
    session.add_all(rows)
    await session.flush()


async def question_set(
    session: TenantSession,
    question_set_id: UUID,
    created_by: UUID,
    *,
    lock: Literal["share", "update"] | None = None,
) -> QuestionSet | None:
    """That person's. With a lock: `share` keeps it from being deleted, `update` from being used."""
    query = select(QuestionSet).where(
        QuestionSet.id == question_set_id,
        QuestionSet.created_by == created_by,
        QuestionSet.deleted_at.is_(None),
    )
    if lock is not None:
        query = query.with_for_update(read=lock == "share")
    return await session.scalar(query.execution_options(populate_existing=True))


async def question_sets(
    session: TenantSession, created_by: UUID, *, limit: int, after: UUID | None
) -> list[QuestionSet]:
    """Newest first."""
    own = QuestionSet.created_by == created_by, QuestionSet.deleted_at.is_(None)
    query = select(QuestionSet).where(*own).order_by(QuestionSet.id.desc())
    if after is not None:
        query = query.where(QuestionSet.id < after)
    return list(await session.scalars(query.limit(limit)))


async def is_in_use(session: TenantSession, question_set_id: UUID) -> bool:
    """Whether an evaluation of it has yet to end."""
    query = select(EvaluationRow.id).where(
        EvaluationRow.question_set_id == question_set_id, EvaluationRow.status.in_(MOVING)
    )
    return await session.scalar(query.limit(1)) is not None


async def moving(session: TenantSession, created_by: UUID) -> int:
    """How many evaluations of that person have yet to end."""
    query = select(func.count()).select_from(EvaluationRow)
    query = query.where(EvaluationRow.created_by == created_by, EvaluationRow.status.in_(MOVING))
    return await session.scalar(query) or 0


async def questions(
    session: TenantSession, question_set_id: UUID, *, limit: int | None = None, after: UUID | None = None
) -> list[QuestionRow]:
    """In the order of their file."""
    query = select(QuestionRow).where(QuestionRow.question_set_id == question_set_id)
    if after is not None:
        start = select(QuestionRow.ordinal).where(
            QuestionRow.id == after, QuestionRow.question_set_id == question_set_id
        )
        query = query.where(QuestionRow.ordinal > start.scalar_subquery())
    return list(await session.scalars(query.order_by(QuestionRow.ordinal).limit(limit)))


async def questions_by_id(session: TenantSession, ids: AbstractSet[UUID]) -> list[QuestionRow]:
    query = select(QuestionRow).where(QuestionRow.id.in_(ids))
    return list(await session.scalars(query.order_by(QuestionRow.ordinal)))


async def without_words(session: TenantSession, question_set_id: UUID) -> list[UUID]:
    """The questions let go of their words; the ids of these are given, to be forgotten."""
    held = QuestionRow.question_set_id == question_set_id, QuestionRow.content_id.is_not(None)
    words = [one for one in await session.scalars(select(QuestionRow.content_id).where(*held)) if one]
    await session.execute(update(QuestionRow).where(*held).values(content_id=None))
    return words


async def stored(session: TenantSession, content_id: UUID) -> StoredContent | None:
    row = await session.scalar(select(Content).where(Content.id == content_id))
    return StoredContent(row.id, row.commitment, row.media_type, row.size) if row else None


async def evaluation(
    session: TenantSession, evaluation_id: UUID, created_by: UUID
) -> StoredEvaluation | None:
    query = (
        select(EvaluationRow, QuestionSet, Job)
        .join(QuestionSet, QuestionSet.id == EvaluationRow.question_set_id)
        .outerjoin(Job, Job.id == EvaluationRow.job_id)
        .where(EvaluationRow.id == evaluation_id, EvaluationRow.created_by == created_by)
    )
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    return StoredEvaluation(*row) if row else None


async def evaluations(
    session: TenantSession,
    created_by: UUID,
    *,
    limit: int,
    after: UUID | None,
    question_set_id: UUID | None,
) -> list[StoredEvaluation]:
    """Newest first."""
    query = (
        select(EvaluationRow, QuestionSet, Job)
        .join(QuestionSet, QuestionSet.id == EvaluationRow.question_set_id)
        .outerjoin(Job, Job.id == EvaluationRow.job_id)
        .where(EvaluationRow.created_by == created_by)
        .order_by(EvaluationRow.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(EvaluationRow.id < after)
    if question_set_id is not None:
        query = query.where(EvaluationRow.question_set_id == question_set_id)
    return [StoredEvaluation(*row) for row in await session.execute(query)]


async def locked(session: TenantSession, evaluation_id: UUID) -> EvaluationRow | None:
    query = select(EvaluationRow).where(EvaluationRow.id == evaluation_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def add_scores(session: TenantSession, rows: Sequence[EvaluationScore]) -> None:
    session.add_all(rows)
    await session.flush()


async def add_strategy_scores(session: TenantSession, rows: Sequence[StrategyScore]) -> None:
    session.add_all(rows)
    await session.flush()


async def measured(session: TenantSession, evaluation_id: UUID) -> set[UUID]:
    """The questions that have scores; those of all configurations are written at once."""
    of_search = select(EvaluationScore.question_id).where(EvaluationScore.evaluation_id == evaluation_id)
    of_strategies = select(StrategyScore.question_id).where(StrategyScore.evaluation_id == evaluation_id)
    return set(await session.scalars(union(of_search, of_strategies)))


async def strategy_scores(session: TenantSession, evaluation_id: UUID) -> list[StrategyScore]:
    """In the order of the questions."""
    query = (
        select(StrategyScore)
        .join(QuestionRow, QuestionRow.id == StrategyScore.question_id)
        .where(StrategyScore.evaluation_id == evaluation_id)
        .order_by(QuestionRow.ordinal)
    )
    return list(await session.scalars(query))


async def assistant(session: TenantSession, assistant_id: UUID | None) -> Assistant | None:
    return await session.get(Assistant, (session.tenant_id, assistant_id)) if assistant_id else None


async def adapter_of(session: TenantSession, of: Assistant | None) -> AdapterRow | None:
    """What is published for the assistant."""
    if of is None or of.adapter_id is None:
        return None
    query = select(AdapterRow).where(AdapterRow.id == of.adapter_id, AdapterRow.status != "deleted")
    return await session.scalar(query)


async def training_seconds(session: TenantSession, training_job_id: UUID) -> float | None:
    return await session.scalar(select(TrainingJobRow.seconds).where(TrainingJobRow.id == training_job_id))


async def ingestion_seconds(
    session: TenantSession, principals: frozenset[str], within: Sequence[UUID]
) -> float | None:
    """From asking for it to its end, the median of the documents in reach."""
    took = func.extract("epoch", Job.finished_at - Job.created_at)
    query = select(func.percentile_cont(0.5).within_group(took)).select_from(Document)
    query = query.join(Job, Job.id == Document.job_id)
    query = query.where(*_in_reach(principals, within), Job.finished_at.is_not(None))
    return await session.scalar(query)


async def newer_documents(
    session: TenantSession, principals: frozenset[str], within: Sequence[UUID], since: datetime
) -> int:
    """How many of those in reach came or changed after that time."""
    query = select(func.count()).select_from(Document)
    query = query.where(*_in_reach(principals, within), Document.updated_at > since)
    return await session.scalar(query) or 0


def _in_reach(principals: frozenset[str], within: Sequence[UUID]) -> list[ColumnElement[bool]]:
    here = [Document.status == "ready", document_readable(principals)]
    return [*here, Document.collection_id.in_(within)] if within else here


async def scores(
    session: TenantSession, evaluation_id: UUID, question_ids: Sequence[UUID] | None = None
) -> list[EvaluationScore]:
    """In the order of the questions."""
    query = (
        select(EvaluationScore)
        .join(QuestionRow, QuestionRow.id == EvaluationScore.question_id)
        .where(EvaluationScore.evaluation_id == evaluation_id)
        .order_by(QuestionRow.ordinal)
    )
    if question_ids is not None:
        query = query.where(EvaluationScore.question_id.in_(question_ids))
    return list(await session.scalars(query))


async def measured_questions(
    session: TenantSession,
    evaluation_id: UUID,
    configuration: str,
    order: Order,
    *,
    limit: int,
    after: UUID | None,
) -> list[QuestionRow]:
    """Those that have scores, as they were asked or by nDCG@10 under a configuration, the worst first."""
    key = [QuestionRow.ordinal] if order == "asked" else [EvaluationScore.ndcg_at_10, QuestionRow.ordinal]
    of_it = (EvaluationScore.evaluation_id == evaluation_id, EvaluationScore.configuration == configuration)
    scored = EvaluationScore.question_id == QuestionRow.id
    query = select(QuestionRow).join(EvaluationScore, scored).where(*of_it).order_by(*key).limit(limit)
    if after is not None:
        start = select(*key).select_from(QuestionRow).join(EvaluationScore, scored).correlate(None)
        start = start.where(*of_it, QuestionRow.id == after)
        query = query.where(tuple_(*key) > start.scalar_subquery())
    return list(await session.scalars(query))


async def measured_question(
    session: TenantSession, evaluation_id: UUID, question_id: UUID
) -> QuestionRow | None:
    """If it has scores."""
    scored = select(EvaluationScore.question_id).where(EvaluationScore.evaluation_id == evaluation_id)
    query = select(QuestionRow).where(QuestionRow.id == question_id, QuestionRow.id.in_(scored))
    return await session.scalar(query)


async def readable_documents(
    session: TenantSession,
    principals: frozenset[str],
    ids: AbstractSet[UUID],
    names: AbstractSet[str] = frozenset(),
    collection_ids: Sequence[UUID] = (),
) -> list[Document]:
    """Ready ones with one of the ids or names, the oldest first; of certain collections, if any are named."""
    query = select(Document).where(
        or_(
            Document.id == any_(literal(list(ids), ARRAY(PG_UUID(as_uuid=True)))),
            Document.name == any_(literal(list(names), ARRAY(Text))),
        ),
        Document.status == "ready",
        document_readable(principals),
    )
    if collection_ids:
        query = query.where(Document.collection_id.in_(collection_ids))
    return list(await session.scalars(query.order_by(Document.id)))
