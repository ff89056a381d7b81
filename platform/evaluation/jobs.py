"""Carrying an evaluation out: question after question under a lease, with what its starter may read now."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from secretariat.models.errors import ModelError
from secretariat.platform.access.repository import READ_DOCUMENTS, Standing, active_standing, user
from secretariat.platform.audit.event import Actor, AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import repository, words
from secretariat.platform.evaluation.measuring import Begun, measure_one
from secretariat.platform.evaluation.questions import Question
from secretariat.platform.evaluation.scoring import Measured, Values, summary
from secretariat.platform.evaluation.strategies import measuring as strategies
from secretariat.platform.evaluation.strategies import results
from secretariat.platform.evaluation.strategies.core import STRATEGIES
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.repository import cancel_requested
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.tables.evaluations import EvaluationRow, EvaluationScore, QuestionRow
from secretariat.retrieval.errors import RetrievalError
from secretariat.retrieval.search.configuration import CONFIGURATIONS

_NEEDED = frozenset({"evaluations.manage", READ_DOCUMENTS})
_MESSAGES = {
    "not_permitted": "The person who asked may no longer evaluate search or read documents.",
    "quarantined": "It failed several times. Ask again, or ask an administrator to look at its job.",
    "configuration_unknown": "This version of the service has no such configuration.",
    "set_deleted": "The set of questions was deleted.",
    "no_answers": "The set's questions state no answers to compare with.",
    "assistant_gone": "The assistant was deleted.",
}
_Measure = Callable[[QuestionRow], Awaitable[None]]


async def measure(run: JobRun) -> None:
    """From where an earlier attempt stopped. Raises JobFailedError, JobCancelledError, a passing ModelError."""
    begun = await _begin(run)
    if begun is None:
        return
    try:
        measure_it = await _way(run, begun)
        for done, question in enumerate(begun.left, begun.total - len(begun.left)):
            await _check(run, begun.row.created_by)
            await run.progress(done, begun.total)
            await measure_it(question)
    except (RetrievalError, ModelError) as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        raise await _failed(run, error.code) from error
    await run.progress(begun.total, begun.total)
    await _complete(run, begun)


async def _way(run: JobRun, begun: Begun) -> _Measure:
    """How one question is measured. Raises JobFailedError, ModelError."""
    if begun.row.kind == "search":
        return partial(measure_one, run, begun)
    async with run.session() as session:
        assistant = await repository.assistant(session, begun.row.assistant_id)
        adapter = await repository.adapter_of(session, assistant)
    if assistant is None and begun.row.assistant_id is not None:
        raise await _failed(run, "assistant_gone")
    model = assistant.model if assistant is not None else "default"
    answering = await strategies.answering(run, begun, model, adapter)
    return partial(strategies.measure_one, run, begun, answering)


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: say so."""
    await _failed(run, "quarantined")


async def _begin(run: JobRun) -> Begun | None:
    """None when it is completed. One that was cancelled or failed goes on when its job is retried."""
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is None or row.status == "completed":
            return None
        row.status, row.started_at = "running", row.started_at or now()
        row.error = row.finished_at = None
    standing = await _check(run, row.created_by)
    known = CONFIGURATIONS if row.kind == "search" else STRATEGIES
    if not set(row.configurations) <= known.keys():
        raise await _failed(run, "configuration_unknown")
    async with run.session() as session:
        begun = await _loaded(run, session, row, standing)
    if len(begun.words) < len(begun.left):
        raise await _failed(run, "set_deleted")
    return begun


async def _loaded(run: JobRun, session: TenantSession, row: EvaluationRow, standing: Standing) -> Begun:
    asker = await user(session, row.created_by)
    questions = await repository.questions(session, row.question_set_id)
    measured = await repository.measured(session, row.id)
    left = [one for one in questions if one.id not in measured]
    said = await words.read(session, run.services.contents, left)
    return Begun(
        row=row,
        actor=Actor("agent", asker.id, asker.email, roles=standing.roles),
        total=len(questions),
        left=left,
        words=said,
        readable=await _readable(session, standing.principals(asker.id), row.collection_ids, said.values()),
    )


async def _readable(
    session: TenantSession, principals: frozenset[str], within: Sequence[UUID], asked: Iterable[Question]
) -> dict[str, list[UUID]]:
    """By each name that a question requires, the documents that bear it and can be read and searched."""
    named = {name for question in asked for name in question.required}
    by_id = {found: name for name in named if (found := _id(name)) is not None}
    readable: dict[str, list[UUID]] = {}
    for document in await repository.readable_documents(session, principals, by_id.keys(), named, within):
        for name in named.intersection((by_id.get(document.id, ""), document.name)):
            readable.setdefault(name, []).append(document.id)
    return readable


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


async def _check(run: JobRun, asker: UUID) -> Standing:
    """What its asker is, if it may go on. Raises JobCancelledError, JobFailedError."""
    async with run.services.database.tenant(run.tenant_id) as session:
        cancelled = await cancel_requested(session, run.job_id)
        standing = await active_standing(session, asker)
    if cancelled:
        await _end(run, "cancelled")
        raise JobCancelledError
    if standing is None or not standing.permissions >= _NEEDED:
        raise await _failed(run, "not_permitted")
    return standing


async def _complete(run: JobRun, begun: Begun) -> None:
    """Raises JobFailedError for a set that states no answers, asked for strategies."""
    result, told = await (_searched(run, begun) if begun.row.kind == "search" else results.summed(run, begun))
    if result is None:
        raise await _failed(run, "no_answers")
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        assert row is not None
        row.status, row.finished_at, row.result = "completed", now(), result
        resource = Resource("evaluation", str(row.id))
        done = AuditEvent("TASK", "evaluation.completed", begun.actor, resource=resource, details=told)
        await record(session, done)


async def _searched(run: JobRun, begun: Begun) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result, and what the record says of it."""
    async with run.session() as session:
        rows = await repository.scores(session, run.subject_id)
    measured: dict[str, list[Measured]] = {name: [] for name in begun.row.configurations}
    for one in rows:
        measured[one.configuration].append(_measured(one))
    result = await asyncio.to_thread(summary, measured)
    return result, {"questions": result["questions"], "index_seq": result["index_seq"]}


def _measured(row: EvaluationScore) -> Measured:
    return Measured(
        values=Values(row.ndcg_at_10, row.recall_at_10, row.recall_at_100, row.mrr),
        milliseconds=row.milliseconds,
        index_seq=row.index_seq,
        allowed=row.allowed,
        required=len(row.required),
        out_of_reach=sum(place["document_id"] is None for place in row.required),
    )


async def _failed(run: JobRun, code: str) -> JobFailedError:
    message = _MESSAGES.get(code, "Search could not be measured.")
    await _end(run, "failed", {"code": code, "message": message})
    return JobFailedError(code, message)


async def _end(run: JobRun, status: str, error: dict[str, str] | None = None) -> None:
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is not None and row.status in repository.MOVING:
            row.status, row.finished_at, row.error = status, now(), error
