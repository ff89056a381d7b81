"""Blind comparisons: two answers to one prompt, and which of them is better. One's own alone.

Who gave which answer is told after the choice. The answers' order is drawn anew for each.
"""

import secrets
from uuid import UUID

from secretariat.models.core import ChatMessage
from secretariat.models.errors import ModelError
from secretariat.platform.access.caller import Caller
from secretariat.platform.access.repository import active_standing, user
from secretariat.platform.adapters import repository as served
from secretariat.platform.adapters.chat import adapted
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore, StoredContent
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.jobs.repository import cancel_requested
from secretariat.platform.jobs.run import JobRun
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.training import AdapterRow, ComparisonRow
from secretariat.platform.tasks.terms import AssistantsChat
from secretariat.platform.training import adapter_schemas, repository
from secretariat.platform.training.adapters import adapter
from secretariat.platform.training.asking import said
from secretariat.platform.training.jobs import MANAGE
from secretariat.platform.web.errors import ConflictError, InvalidError, NotFoundError

COMPARE = "training.compare"
USE = "models.use"
_SIDES = ("a", "b")
_MESSAGES = {
    "cancelled": "Somebody cancelled it.",
    "not_permitted": "The person who asked may no longer use models.",
    "adapter_gone": "An adapter was deleted.",
    "quarantined": "It failed several times. Ask again.",
}


class NotReadyError(ConflictError):
    code, title = "NOT_READY", "There is nothing to choose"


async def start(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    wanted: adapter_schemas.BlindComparisonRequest,
) -> ComparisonRow:
    """Raises NotFoundError; InvalidError for an adapter beside itself, or adapters of two models."""
    one = await _usable(session, caller, wanted.adapter_id)
    other = await _usable(session, caller, wanted.against_adapter_id) if wanted.against_adapter_id else None
    if other is not None and (other.id == one.id or other.model != one.model):
        raise InvalidError("Compare two adapters of one model.")
    order = [one.id, other.id if other else None]
    if secrets.randbelow(2):
        order.reverse()
    prompt = await contents.put(session, wanted.prompt)
    row = ComparisonRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        prompt_id=prompt.id,
        sides={side: str(who) if who else None for side, who in zip(_SIDES, order, strict=True)},
        created_by=caller.user_id,
    )
    await repository.add(session, row)
    subject = Subject("comparison", row.id)
    row.job_id = await enqueue(session, COMPARE, subject, queue="conversations", requested_by=caller.user_id)
    await session.flush()
    resource = Resource("comparison", str(row.id))
    content = (ContentRef("prompt", prompt),)
    await record(session, caller.did("PROMPT", "comparison.created", resource, content=content))
    return row


async def _usable(session: TenantSession, caller: Caller, adapter_id: UUID) -> AdapterRow:
    """One that an assistant answers with or, for who trains, any. Raises NotFoundError."""
    row = await adapter(session, adapter_id)
    if MANAGE not in caller.permissions and not await served.published(session, row.id):
        raise NotFoundError("adapter")
    return row


async def comparison(session: TenantSession, caller: Caller, comparison_id: UUID) -> ComparisonRow:
    """Raises NotFoundError."""
    found = await repository.comparison(session, comparison_id, caller.user_id)
    if found is None:
        raise NotFoundError("comparison")
    return found


async def choose(
    session: TenantSession, caller: Caller, comparison_id: UUID, choice: adapter_schemas.Choice
) -> ComparisonRow:
    """Once. Raises NotFoundError, NotReadyError."""
    row = await comparison(session, caller, comparison_id)
    if row.status != "ready":
        raise NotReadyError(f"The comparison is {row.status}.")
    row.status, row.choice, row.chosen_at = "chosen", choice, now()
    resource = Resource("comparison", str(row.id))
    details = {"choice": choice, "sides": row.sides}
    await record(session, caller.did("CONVERSATION", "comparison.chosen", resource, details=details))
    await session.flush()
    return row


async def compare(run: JobRun) -> None:
    """Both answers, recorded with the comparison's new state. Raises JobFailedError, JobCancelledError, a passing
    ModelError."""
    loaded = await _load(run)
    if loaded is None:
        return
    row, prompt, sides = loaded
    answers = []
    try:
        for side in sides:
            base = AssistantsChat(run.services.models, next(one.model for one in sides if one))
            answers.append(await said(adapted(base, run.services, side), run, prompt))
    except ModelError as error:
        if error.retryable:
            raise
        raise await _failed(run, error.code) from error
    async with run.session() as session:
        found = await repository.comparison_at_work(session, row.id)
        if found is None or found.status != "queued":
            return
        stored = await run.services.contents.put_many(session, answers)
        found.a_id, found.b_id = stored[0].id, stored[1].id
        found.status = "ready"
        await _put_on_record(session, found, stored)


async def _put_on_record(session: TenantSession, row: ComparisonRow, stored: list[StoredContent]) -> None:
    asker = await user(session, row.created_by)
    content = tuple(ContentRef(side, each) for side, each in zip(_SIDES, stored, strict=True))
    event = AuditEvent(
        "OUTPUT",
        "comparison.answered",
        Actor("agent", asker.id, asker.email),
        resource=Resource("comparison", str(row.id)),
        details={"sides": row.sides},
        content=content,
    )
    await record(session, event)


async def on_quarantine(run: JobRun) -> None:
    await _failed(run, "quarantined")


async def _load(run: JobRun) -> tuple[ComparisonRow, tuple[ChatMessage, ...], list[AdapterRow | None]] | None:
    async with run.session() as session:
        row = await repository.comparison_at_work(session, run.subject_id)
        if row is None or row.status != "queued" or row.prompt_id is None:
            return None
        standing = await active_standing(session, row.created_by)
        cancelled = await cancel_requested(session, run.job_id)
        text = await run.services.contents.text(session, row.prompt_id)
        named = [UUID(who) if (who := row.sides[side]) else None for side in _SIDES]
        found = [await served.adapter(session, who) if who else None for who in named]
    if cancelled:
        await _failed(run, "cancelled")
        raise JobCancelledError
    if standing is None or USE not in standing.permissions:
        raise await _failed(run, "not_permitted")
    if any(who and one is None for who, one in zip(named, found, strict=True)):
        raise await _failed(run, "adapter_gone")
    return row, (ChatMessage("user", text),), found


async def _failed(run: JobRun, code: str) -> JobFailedError:
    message = _MESSAGES.get(code, "The answers could not be given.")
    async with run.session() as session:
        row = await repository.comparison_at_work(session, run.subject_id)
        if row is not None and row.status == "queued":
            row.status, row.error = "failed", {"code": code, "message": message}
    return JobFailedError(code, message)
