"""Carrying an adapter's evaluation out: both models answer the same questions, then the gate judges."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.platform.access.repository import active_standing, user
from secretariat.platform.adapters import repository as served
from secretariat.platform.adapters.chat import adapted
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import StoredContent
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation.overlap import token_f1
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.repository import cancel_requested
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.tables.training import AdapterEvaluationRow, AdapterRow
from secretariat.platform.tasks.terms import AssistantsChat
from secretariat.platform.training import repository
from secretariat.platform.training.asking import said
from secretariat.platform.training.examples import question_of
from secretariat.platform.training.gate import Losses, judged
from secretariat.platform.training.jobs import MANAGE

_MESSAGES = {
    "not_permitted": "The person who asked may no longer train models.",
    "adapter_gone": "The adapter was deleted.",
    "questions_gone": "Its questions were erased.",
    "quarantined": "It failed several times. Ask again, or ask an administrator to look at its job.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    messages: tuple[ChatMessage, ...]
    expected: str


@dataclass(frozen=True, slots=True)
class _Begun:
    evaluation: AdapterEvaluationRow
    adapter: AdapterRow
    losses: Losses
    asked: Sequence[Asked]
    actor: Actor


async def evaluate(run: JobRun) -> None:
    """From the beginning at each attempt: decoding is greedy. Raises JobFailedError, JobCancelledError, a passing
    ModelError."""
    begun = await _begin(run)
    if begun is None:
        return
    base = AssistantsChat(run.services.models, begun.adapter.model)
    models = [base, adapted(base, run.services, begun.adapter)]
    answers: list[list[str]] = []
    try:
        for done, one in enumerate(begun.asked):
            await _check(run, begun.evaluation)
            await run.progress(done, len(begun.asked))
            answers.append([await said(model, run, one.messages) for model in models])
    except ModelError as error:
        if error.retryable:
            raise
        raise await _failed(run, error.code, error.message) from error
    await _complete(run, begun, answers)


async def on_quarantine(run: JobRun) -> None:
    await _failed(run, "quarantined")


async def _begin(run: JobRun) -> _Begun | None:
    """The prompts are on record before any is sent."""
    async with run.session() as session:
        row = await repository.evaluation(session, run.subject_id)
        if row is None or row.status not in repository.MOVING:
            return None
        row.status = "running"
        adapter = await served.adapter(session, row.adapter_id)
        items = await run.services.contents.json(session, row.words_id) if row.words_id else []
        asked, words = await _asked(run, session, row, items)
        job = await repository.training_job(session, adapter.training_job_id) if adapter else None
        asker = await user(session, row.created_by)
        actor = Actor("agent", asker.id, asker.email)
        if adapter is not None and asked:
            await record(session, _event(row, actor, "PROMPT", "adapter_evaluation.asked", words))
    if adapter is None or job is None:
        raise await _failed(run, "adapter_gone")
    if not asked:
        raise await _failed(run, "questions_gone")
    result = job.row.result or {}
    losses = Losses(result.get("loss"), result.get("held_out_loss"), result.get("first_held_out_loss"))
    return _Begun(row, adapter, losses, asked, actor)


async def _asked(
    run: JobRun, session: TenantSession, evaluation: AdapterEvaluationRow, items: Sequence[dict[str, Any]]
) -> tuple[list[Asked], list[StoredContent]]:
    """Held-out examples that are there, or questions that were brought; and where the words stand."""
    brought = [one for one in items if "example_id" not in one]
    ids = [UUID(one["example_id"]) for one in items if "example_id" in one]
    rows = [row for row in await repository.examples_by_id(session, ids) if row.content_id]
    words = await run.services.contents.get_many(session, [row.content_id for row in rows if row.content_id])
    asked = [Asked(_messages(one["messages"]), one["expected"]) for one in brought]
    for row in rows:
        assert row.content_id is not None
        question = question_of(row.kind, orjson.loads(words[row.content_id]))
        if question is not None:
            asked.append(Asked(*question))
    told = [row.content_id for row in rows if row.content_id]
    if brought and evaluation.words_id:
        told.append(evaluation.words_id)
    return asked, await repository.stored(session, told)


def _messages(told: Sequence[dict[str, str]]) -> tuple[ChatMessage, ...]:
    return tuple(ChatMessage(each["role"], each["content"]) for each in told)  # type: ignore[arg-type]


def _event(
    row: AdapterEvaluationRow,
    actor: Actor,
    event_type: EventType,
    action: str,
    stored: Sequence[StoredContent],
    **details: Any,
) -> AuditEvent:
    role = "prompt" if event_type == "PROMPT" else "output"
    return AuditEvent(
        event_type,
        action,
        actor,
        resource=Resource("adapter", str(row.adapter_id)),
        details={"evaluation_id": str(row.id), "questions": row.questions, **details},
        content=tuple(ContentRef(role, each) for each in stored),
    )


async def _complete(run: JobRun, begun: _Begun, answers: Sequence[Sequence[str]]) -> None:
    scores = [
        [token_f1(given[side], one.expected) for given, one in zip(answers, begun.asked, strict=True)]
        for side in (0, 1)
    ]
    passed, result = await asyncio.to_thread(judged, begun.losses, *scores)
    async with run.session() as session:
        row = await repository.evaluation(session, run.subject_id)
        adapter = await served.adapter(session, begun.adapter.id, lock=True)
        assert row is not None
        stored = await run.services.contents.put_json(session, [list(each) for each in answers])
        row.answers_id = stored.id
        row.status, row.finished_at, row.result, row.passed = "completed", now(), result, passed
        if adapter is not None:
            adapter.status = "passed" if passed else "refused"
        told = {"passed": passed, "reasons": result["reasons"]}
        await record(
            session, _event(row, begun.actor, "OUTPUT", "adapter_evaluation.completed", [stored], **told)
        )


async def _check(run: JobRun, row: AdapterEvaluationRow) -> None:
    async with run.services.database.tenant(run.tenant_id) as session:
        cancelled = await cancel_requested(session, run.job_id)
        standing = await active_standing(session, row.created_by)
    if cancelled:
        await _end(run, "cancelled")
        raise JobCancelledError
    if standing is None or MANAGE not in standing.permissions:
        raise await _failed(run, "not_permitted")


async def _failed(run: JobRun, code: str, message: str | None = None) -> JobFailedError:
    words = message or _MESSAGES.get(code, "The adapter could not be evaluated.")
    await _end(run, "failed", {"code": code, "message": words})
    return JobFailedError(code, words)


async def _end(run: JobRun, status: str, error: dict[str, str] | None = None) -> None:
    async with run.session() as session:
        row = await repository.evaluation(session, run.subject_id)
        if row is not None and row.status in repository.MOVING:
            row.status, row.finished_at, row.error = status, now(), error
