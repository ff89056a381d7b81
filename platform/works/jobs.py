"""Carrying a work out: one tool under a lease, with a record of every prompt, output and look at a document."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from secretariat.agents.context import Run
from secretariat.agents.core import (
    AgentContext,
    Effect,
    PlanStep,
    ReportDraft,
    Task,
    TaskEvent,
    ToolCompleted,
)
from secretariat.agents.errors import AgentError
from secretariat.agents.journal import Journal
from secretariat.agents.tools.execute import execute
from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.access.repository import active_standing, user
from secretariat.platform.audit.event import Actor, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import JSON
from secretariat.platform.indexes.search import searcher
from secretariat.platform.indexes.texts import SqlDocumentTexts
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.repository import cancel_requested
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.jobs.watch import watched
from secretariat.platform.kit.times import now
from secretariat.platform.tasks.evidence import evidence
from secretariat.platform.tasks.repository import hidden_documents
from secretariat.platform.works import repository
from secretariat.platform.works.service import ENDED
from secretariat.retrieval.core import Scope
from secretariat.retrieval.errors import RetrievalError

LOOK_SECONDS = 0.3
CANCELLED = "cancelled"
_MOST_CALLS, _MOST_TOKENS = 400, 160_000  # the longest text that is translated takes half of them
_NEEDS = {"summarise": "documents.read", "translate": "models.use", "classify": "models.use"}
_MESSAGES = {
    CANCELLED: "An administrator ended it.",
    "user_disabled": "The person who asked may no longer sign in.",
    "asker_not_allowed": "The person who asked may no longer ask for this.",
    "document_closed": "The document was deleted or may not be read any more.",
    "quarantined": "It failed several times. Ask again, or ask an administrator to look at its job.",
    "limit_exceeded": "The work reached one of its limits.",
    "tool_failed": "The work could not be carried out with these words.",
}


@dataclass(frozen=True, slots=True)
class _Loaded:
    step: PlanStep
    document_id: UUID | None
    actor: Actor
    asker: UUID


async def carry_out(run: JobRun) -> None:
    """From the beginning at each attempt: nothing outside is changed.

    Raises JobFailedError, and JobCancelledError when its job was cancelled, amid a model call, too.
    """
    loaded = await _load(run)
    if loaded is None:
        return
    agent, cause = await _run(run, loaded), None
    try:
        ending = await watched(
            partial(_act, run, loaded, agent), partial(_must_end, run, loaded), LOOK_SECONDS
        )
    except (AgentError, RetrievalError, ModelError) as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        ending, cause = error.code, error
    if ending is None:
        return
    await _fail(run, ending)
    if ending == CANCELLED:
        raise JobCancelledError
    raise JobFailedError(ending, _message(ending)) from cause


async def on_quarantine(run: JobRun) -> None:
    """Every attempt failed: say so."""
    await _fail(run, "quarantined")


def _message(code: str) -> str:
    return _MESSAGES.get(code, "The work could not be carried out.")


async def _load(run: JobRun) -> _Loaded | None:
    """None when the work has ended."""
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is None or row.status in ENDED:
            return None
        row.status = "running"
        standing = await active_standing(session, row.created_by)
        asker = await user(session, row.created_by)
        arguments = await run.services.contents.json(session, row.arguments_id)
        tool: Any = row.tool
        document_id = row.document_id
    roles = standing.roles if standing else ()
    return _Loaded(
        step=PlanStep(id="s1", tool=tool, arguments=arguments),
        document_id=document_id,
        actor=Actor(type="agent", id=asker.id, email=asker.email, roles=roles),
        asker=asker.id,
    )


async def _must_end(run: JobRun, loaded: _Loaded) -> str | None:
    """Why the work may not go on as of now."""
    async with run.services.database.tenant(run.tenant_id) as session:
        standing = await active_standing(session, loaded.asker)
        if standing is None:
            return "user_disabled"
        if _NEEDS[loaded.step.tool] not in standing.permissions:
            return "asker_not_allowed"
        wanted = {loaded.document_id} if loaded.document_id else set[UUID]()
        if await hidden_documents(session, standing.principals(loaded.asker), wanted):
            return "document_closed"
        return CANCELLED if await cancel_requested(session, run.job_id) else None


async def _act(run: JobRun, loaded: _Loaded, agent: Run) -> None:
    """Each event is on record before the tool goes on."""
    async with aclosing(execute(agent, loaded.step)) as events:  # type: ignore[type-var]  # a generator
        seq = 0
        async for event in events:
            if agent.journal.admit(event):
                seq += 1
                await _put_on_record(run, loaded, event, seq)


async def _run(run: JobRun, loaded: _Loaded) -> Run:
    services = run.services
    authority = PersonAuthority(services.database, loaded.asker, services.permits)
    call = CallContext(tenant=str(run.tenant_id), request_id=f"work-{run.subject_id}")
    context = AgentContext(
        chat=services.models,
        call=call,
        searcher=await searcher(services.indexes, run.tenant_id, authority, services.models, call),
        texts=SqlDocumentTexts(services.database, services.contents, authority),
        effects=_NoEffects(),
        embedder=services.models,
        classifier=services.models,
    )
    scope = Scope(run.tenant_id)
    task = Task(
        id=run.subject_id, request="", scope=scope, max_model_calls=_MOST_CALLS, max_tokens=_MOST_TOKENS
    )
    return Run(task, context, Journal(()))


async def _put_on_record(run: JobRun, loaded: _Loaded, event: TaskEvent, seq: int) -> None:
    """Before the tool goes on. What it came to is stored in the commit of the record."""
    contents = run.services.contents
    async with run.session() as session:
        stored = await contents.put(session, orjson.dumps(event.model_dump(mode="json")), JSON)
        fingerprint = await contents.fingerprint(session)
        proof = evidence(event, seq, run.subject_id, loaded.actor, stored, fingerprint)
        if proof is not None:
            resource = Resource("work", str(run.subject_id))
            await record(session, replace(proof, resource=resource, task_id=None))
        if isinstance(event, ToolCompleted):
            row = await repository.locked(session, run.subject_id)
            if row is not None and row.status not in ENDED:
                row.result_id = (await contents.put_json(session, event.result)).id
                row.status, row.finished_at = "completed", now()


async def _fail(run: JobRun, code: str) -> None:
    async with run.session() as session:
        row = await repository.locked(session, run.subject_id)
        if row is not None and row.status not in ENDED:
            row.status, row.finished_at = "failed", now()
            row.error = {"code": code, "message": _message(code)}


class _NoEffects:
    """None of these tools changes anything outside."""

    async def reserve(self, effect: Effect) -> dict[str, Any] | None:
        raise AgentError(f"A work can't carry out {effect.tool}.")

    async def write_report(self, effect: Effect, report: ReportDraft) -> UUID:
        raise AgentError(f"A work can't carry out {effect.tool}: {report.title!r} is not written.")
