"""What can be done with adapters: evaluate, publish for an assistant, withdraw, delete. Takes the session
first and never commits."""

import asyncio
from typing import Any
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.adapters import repository as served
from secretariat.platform.adapters.lineage import learnt_texts
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation.repeats import Measured
from secretariat.platform.indexes.repository import forget
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.tables.training import AdapterEvaluationRow, AdapterRow
from secretariat.platform.training import adapter_schemas, repository
from secretariat.platform.web.errors import ConflictError, Fault, InvalidError, NotFoundError

EVALUATE = "training.evaluate"
MOST_QUESTIONS = 200


class NotPassedError(ConflictError):
    code, title = "NOT_PASSED", "The adapter has not passed an evaluation"


class NeedsRetrainingError(ConflictError):
    code, title = "NEEDS_RETRAINING", "The adapter has to be made again"


class AdapterPublishedError(ConflictError):
    code, title = "ADAPTER_PUBLISHED", "The adapter is published"


class AdapterInUseError(ConflictError):
    code, title = "ADAPTER_IN_USE", "The adapter is being evaluated"


class NoQuestionsError(ConflictError):
    code, title = "NO_QUESTIONS", "There are no questions to ask"


class LearntQuestionsError(InvalidError):
    code, title = "QUESTIONS_LEARNT", "Questions that were learnt"


class NotPublishedError(ConflictError):
    code, title = "NOT_PUBLISHED", "The assistant doesn't answer with this adapter"


async def adapter(session: TenantSession, adapter_id: UUID, *, lock: bool = False) -> AdapterRow:
    """Raises NotFoundError."""
    found = await served.adapter(session, adapter_id, lock=lock)
    if found is None:
        raise NotFoundError("adapter")
    return found


async def evaluate(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    adapter_id: UUID,
    wanted: adapter_schemas.AdapterEvaluationRequest,
) -> AdapterEvaluationRow:
    """Asks both models in the background. Raises NotFoundError, AdapterInUseError, NoQuestionsError,
    LearntQuestionsError."""
    row = await adapter(session, adapter_id, lock=True)
    if await repository.any_moving(session, row.id):
        raise AdapterInUseError("Wait for the end of its evaluation, or of its comparison.")
    await _check_unlearnt(session, contents, row, [each.question for each in wanted.questions])
    items: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": each.question}], "expected": each.answer}
        for each in wanted.questions
    ] or await _held_out(session, row)
    if not items:
        raise NoQuestionsError("The job held out texts only, or nothing is left of it: bring questions.")
    stored = await contents.put_json(session, items)
    made = AdapterEvaluationRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        adapter_id=row.id,
        questions=len(items),
        words_id=stored.id,
        created_by=caller.user_id,
    )
    await repository.add(session, made)
    subject = Subject("adapter_evaluation", made.id)
    made.job_id = await enqueue(session, EVALUATE, subject, queue="evaluations", requested_by=caller.user_id)
    await session.flush()
    details = {"evaluation_id": str(made.id), "questions": len(items), "brought": bool(wanted.questions)}
    await _record(session, caller, row, "adapter.evaluation_created", details)
    return made


async def _check_unlearnt(
    session: TenantSession, contents: ContentStore, row: AdapterRow, questions: list[str]
) -> None:
    """Raises LearntQuestionsError: answers to them would say what it remembers, not what it can."""
    guard = Measured(questions)
    learnt = await learnt_texts(session, contents, row.training_job_id) if guard else []
    repeated = sorted(await asyncio.to_thread(guard.repeated, learnt))
    if repeated:
        faults = [Fault(pointer=f"/questions/{n}", code="learnt", detail="It was learnt.") for n in repeated]
        raise LearntQuestionsError(
            f"The adapter learnt from examples with {len(repeated)} of these questions. Ask others.",
            errors=tuple(faults),
        )


async def _held_out(session: TenantSession, row: AdapterRow) -> list[dict[str, Any]]:
    """By id: their words stay in one place, from which they can be erased."""
    examples = await repository.examples(session, row.training_job_id)
    usable = [one for one in examples if one.held_out and one.content_id and one.kind != "text"]
    return [{"example_id": str(one.id)} for one in usable[:MOST_QUESTIONS]]


async def publish(session: TenantSession, caller: Caller, adapter_id: UUID, assistant_id: UUID) -> AdapterRow:
    """The assistant answers with it from its next request on. Raises NotFoundError, NotPassedError,
    NeedsRetrainingError."""
    row = await adapter(session, adapter_id, lock=True)
    assistant = await _assistant(session, assistant_id)
    if row.status != "passed":
        raise NotPassedError("Evaluate it first. One that was refused isn't published.")
    if row.retraining is not None:
        raise NeedsRetrainingError("Examples that it learnt from were erased. Train it again without them.")
    before, assistant.adapter_id = assistant.adapter_id, row.id
    details = {"assistant_id": str(assistant.id), "instead_of": str(before) if before else None}
    await _record(session, caller, row, "adapter.published", details)
    return row


async def withdraw(
    session: TenantSession, caller: Caller, adapter_id: UUID, assistant_id: UUID
) -> AdapterRow:
    """The assistant answers without it from its next request on. Raises NotFoundError, NotPublishedError."""
    row = await adapter(session, adapter_id, lock=True)
    assistant = await _assistant(session, assistant_id)
    if assistant.adapter_id != row.id:
        raise NotPublishedError("It answers without one, or with another.")
    assistant.adapter_id = None
    await _record(session, caller, row, "adapter.withdrawn", {"assistant_id": str(assistant.id)})
    return row


async def update(
    session: TenantSession, caller: Caller, adapter_id: UUID, wanted: adapter_schemas.AdapterUpdate
) -> AdapterRow:
    """What becomes of it when examples are erased; what was withdrawn before stays so. Raises NotFoundError."""
    row = await adapter(session, adapter_id, lock=True)
    row.after_erasure = wanted.after_erasure
    await _record(session, caller, row, "adapter.updated", wanted.model_dump())
    return row


async def _assistant(session: TenantSession, assistant_id: UUID) -> Assistant:
    found = await repository.assistant(session, assistant_id)
    if found is None:
        raise NotFoundError("assistant")
    return found


async def delete(session: TenantSession, caller: Caller, adapter_id: UUID) -> AdapterRow:
    """Its weights are gone for good; that it was there, and what was measured with it, stays. Raises
    NotFoundError, AdapterPublishedError, AdapterInUseError."""
    row = await adapter(session, adapter_id, lock=True)
    if await served.published(session, row.id):
        raise AdapterPublishedError("Unpublish it first.")
    if await repository.any_moving(session, row.id):
        raise AdapterInUseError("Wait for the end of its evaluation, or of its comparison.")
    row.status = "deleted"
    if row.blob_id is not None:
        await repository.forget_files(session, row.blob_id)
    await forget(session, await served.strip_evaluations(session, [row.id]))
    await _record(session, caller, row, "adapter.deleted", {"digest": row.digest}, "ERASURE")
    return row


async def _record(
    session: TenantSession,
    caller: Caller,
    row: AdapterRow,
    action: str,
    details: dict[str, Any],
    event_type: EventType = "ADMIN",
) -> None:
    resource = Resource("adapter", str(row.id), row.name)
    await record(session, caller.did(event_type, action, resource, details=details))
