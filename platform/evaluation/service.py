"""What can be done with evaluations. Takes the session first and never commits.

An evaluation is its starter's alone: it tells what they may read. What may be read by whom is asked again whenever
documents are named.
"""

from typing import Any
from uuid import UUID

from secretariat.platform.access.authority import readable_collections
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import EventType, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.evaluation import repository
from secretariat.platform.evaluation.repository import MOVING, StoredEvaluation
from secretariat.platform.evaluation.schemas import EvaluationRequest
from secretariat.platform.jobs import repository as jobs
from secretariat.platform.jobs.queue import Subject, ask_to_end, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.evaluations import EvaluationRow
from secretariat.platform.web.errors import ConflictError, NotFoundError

MEASURE = "evaluation.measure"
MOST_MOVING = 3


class EvaluationsWaitingError(ConflictError):
    code, title = "EVALUATIONS_WAITING", "Others wait"


class EvaluationEndedError(ConflictError):
    code, title = "EVALUATION_ENDED", "The evaluation has ended"


async def start(session: TenantSession, caller: Caller, wanted: EvaluationRequest) -> StoredEvaluation:
    """The evaluation, its job and the record. Raises NotFoundError, EvaluationsWaitingError."""
    questions = await repository.question_set(session, wanted.question_set_id, caller.user_id, lock="share")
    if questions is None:
        raise NotFoundError("set of questions")
    within = set(wanted.collection_ids)
    if within != await readable_collections(session, caller.principals, within):
        raise NotFoundError("collection")
    if wanted.assistant_id and await repository.assistant(session, wanted.assistant_id) is None:
        raise NotFoundError("assistant")
    if await repository.moving(session, caller.user_id) >= MOST_MOVING:
        raise EvaluationsWaitingError(
            f"{MOST_MOVING} of your evaluations have yet to end. Wait for one, or cancel it."
        )
    row = EvaluationRow(
        tenant_id=session.tenant_id,
        id=new_id(),
        question_set_id=questions.id,
        kind=wanted.kind,
        configurations=wanted.ways,
        assistant_id=wanted.assistant_id,
        collection_ids=sorted(within),
        created_by=caller.user_id,
    )
    await repository.add(session, row)
    subject = Subject("evaluation", row.id)
    row.job_id = await enqueue(session, MEASURE, subject, queue="evaluations", requested_by=caller.user_id)
    await session.flush()
    await _record(
        session,
        caller,
        row.id,
        "evaluation.created",
        {
            "question_set_id": str(questions.id),
            "kind": wanted.kind,
            "configurations": wanted.ways,
            "collection_ids": [str(one) for one in row.collection_ids],
            "job_id": str(row.job_id),
        },
    )
    return await evaluation(session, caller, row.id)


async def evaluation(session: TenantSession, caller: Caller, evaluation_id: UUID) -> StoredEvaluation:
    """One's own. Raises NotFoundError."""
    found = await repository.evaluation(session, evaluation_id, caller.user_id)
    if found is None:
        raise NotFoundError("evaluation")
    return found


async def cancel(session: TenantSession, caller: Caller, evaluation_id: UUID) -> StoredEvaluation:
    """It ends before its next question; what was measured stays. Raises NotFoundError, EvaluationEndedError."""
    await evaluation(session, caller, evaluation_id)
    row = await repository.locked(session, evaluation_id)
    assert row is not None
    if row.status not in MOVING:
        raise EvaluationEndedError(f"The evaluation is {row.status}.")
    job = await jobs.job(session, row.job_id) if row.job_id else None
    if job is not None:
        await ask_to_end(session, job)
    await _record(session, caller, evaluation_id, "evaluation.cancel_requested", {})
    await session.flush()
    return await evaluation(session, caller, evaluation_id)


async def put_look_on_record(
    session: TenantSession, caller: Caller, evaluation_id: UUID, details: dict[str, Any]
) -> None:
    """Questions, and what was found for them, are seen from here on."""
    await _record(session, caller, evaluation_id, "evaluation.read", details, "DATA_ACCESS")


async def _record(
    session: TenantSession,
    caller: Caller,
    evaluation_id: UUID,
    action: str,
    details: dict[str, Any],
    event_type: EventType = "TASK",
) -> None:
    await record(
        session, caller.did(event_type, action, Resource("evaluation", str(evaluation_id)), details=details)
    )
