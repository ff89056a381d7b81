"""What an evaluation of strategies comes to once every question was asked."""

import asyncio
from collections.abc import Sequence
from typing import Any

from secretariat.platform.access.repository import active_standing
from secretariat.platform.adapters.lineage import learnt_texts
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import repository, words
from secretariat.platform.evaluation.measuring import Begun
from secretariat.platform.evaluation.repeats import Measured
from secretariat.platform.evaluation.strategies.core import STRATEGIES
from secretariat.platform.evaluation.strategies.scoring import Answered, Currency, summary
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import rfc3339
from secretariat.platform.tables.evaluations import EvaluationRow, StrategyScore
from secretariat.platform.tables.training import AdapterRow


async def summed(run: JobRun, begun: Begun) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The result, and what the record says of it. None where no question states an answer that can be given."""
    async with run.session() as session:
        rows = await repository.strategy_scores(session, run.subject_id)
        assistant = await repository.assistant(session, begun.row.assistant_id)
        adapter = await repository.adapter_of(session, assistant)
        made = adapter.created_at if adapter is not None else None
        seconds = await repository.training_seconds(session, adapter.training_job_id) if adapter else None
        index, newer = await _documents(session, begun.row, made)
        learnt = await _learnt(run, session, rows, adapter) if adapter is not None else 0
    measurable = adapter is not None or not all(STRATEGIES[name].adapter for name in begun.row.configurations)
    if measurable and not any(row.answerable for row in rows):
        return None, {}
    measured: dict[str, list[Answered]] = {name: [] for name in begun.row.configurations}
    for row in rows:
        measured[row.strategy].append(_answered(row))
    told = await asyncio.to_thread(summary, measured, Currency(index, seconds, newer))
    asked = len({row.question_id for row in rows})
    result = {
        "strategies": told,
        "questions": asked,
        "without_answers": begun.total - asked,
        "adapter": _told(adapter, learnt) if adapter is not None else None,
    }
    return result, {"questions": asked}


async def _learnt(
    run: JobRun, session: TenantSession, rows: Sequence[StrategyScore], adapter: AdapterRow
) -> int:
    """How many of the questions that were asked it has learnt from."""
    contents = run.services.contents
    asked = await repository.questions_by_id(session, {row.question_id for row in rows})
    questions = [one.text for one in (await words.read(session, contents, asked)).values()]
    learnt = await learnt_texts(session, contents, adapter.training_job_id)
    return len(await asyncio.to_thread(Measured(questions).repeated, learnt))


def _told(adapter: AdapterRow, learnt: int) -> dict[str, Any]:
    made_at = rfc3339(adapter.created_at)
    return {"id": str(adapter.id), "name": adapter.name, "made_at": made_at, "learnt_questions": learnt}


async def _documents(
    session: TenantSession, row: EvaluationRow, made: Any
) -> tuple[float | None, int | None]:
    standing = await active_standing(session, row.created_by)
    principals = standing.principals(row.created_by) if standing is not None else frozenset[str]()
    index = await repository.ingestion_seconds(session, principals, row.collection_ids)
    if made is None:
        return index, None
    return index, await repository.newer_documents(session, principals, row.collection_ids, made)


def _answered(row: StrategyScore) -> Answered:
    return Answered(
        outcome=row.outcome,  # type: ignore[arg-type]
        answerable=row.answerable,
        f1=row.f1,
        cited=row.cited,
        kept=row.kept,
        tokens=row.prompt_tokens + row.answer_tokens,
        seconds=row.seconds,
    )
