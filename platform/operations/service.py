"""Cancelling and retrying jobs."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import AuditEvent, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs import repository
from secretariat.platform.kit.times import now
from secretariat.platform.operations.repository import readable_documents, task_has_ended
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import ConflictError, NotFoundError

_ENDED_BADLY = ("failed", "cancelled", "quarantined")


async def get(session: TenantSession, job_id: UUID) -> Job:
    found = await repository.job(session, job_id)
    if found is None:
        raise NotFoundError("job")
    return found


async def hidden(session: TenantSession, caller: Caller, jobs: Sequence[Job]) -> set[UUID]:
    """Documents among the subjects whose names are not the caller's to know."""
    documents = {job.subject_id for job in jobs if job.subject_type == "document"}
    return documents - await readable_documents(session, caller.principals, list(documents))


async def cancel(session: TenantSession, caller: Caller, job_id: UUID) -> Job:
    """Ask the job to stop; its worker does so at its next step, and keeps what was committed."""
    job = await get(session, job_id)
    if job.status not in ("queued", "running"):
        raise ConflictError(f"The job is {job.status} already.")
    job.cancel_requested_at = job.cancel_requested_at or now()
    if job.status == "queued":  # perhaps in a long pause after a failed attempt
        await repository.wake_at(session, job_id, now())
        session.info.setdefault("wake", []).append(job_id)
    await _record(session, caller, job, "job.cancel")
    return job


async def retry(session: TenantSession, caller: Caller, job_id: UUID) -> Job:
    """Put a job that ended badly back into its queue, with fresh attempts.

    Raises NotFoundError; ConflictError for other jobs, and for a task that has ended: nothing follows its end.
    """
    job = await get(session, job_id)
    if job.status not in _ENDED_BADLY:
        raise ConflictError(
            f"The job is {job.status}; only a failed, cancelled or quarantined one can be retried."
        )
    if job.subject_type == "task" and await task_has_ended(session, job.subject_id):
        raise ConflictError("The task has ended. Give the task again.")
    job.status, job.attempt, job.error = "queued", 0, None
    job.cancel_requested_at = job.finished_at = None
    await repository.ensure_outbox(session, job_id)
    session.info.setdefault("wake", []).append(job_id)
    await _record(session, caller, job, "job.retry")
    return job


async def _record(session: TenantSession, caller: Caller, job: Job, action: str) -> None:
    await record(
        session,
        AuditEvent(
            event_type="ADMIN",
            action=action,
            actor=caller.actor,
            resource=Resource("job", str(job.id), job.kind),
            request_id=caller.request_id,
        ),
    )
