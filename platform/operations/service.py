"""Cancelling and retrying jobs."""

from collections.abc import Sequence
from uuid import UUID

from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs import repository
from secretariat.platform.jobs.queue import ask_to_end, wake
from secretariat.platform.operations.repository import Reader, has_ended, job, jobs, readable_documents
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import ConflictError, NotFoundError

_ENDED_BADLY = ("failed", "cancelled", "quarantined")


def _reader(caller: Caller) -> Reader:
    """Who manages jobs or audits sees all that is done; the name of a document stays kept from them, too."""
    return Reader(caller.user_id, caller.principals, bool(caller.permissions & {"jobs.manage", "audit.read"}))


async def listed(
    session: TenantSession, caller: Caller, *, limit: int, after: UUID | None, status: str | None
) -> list[Job]:
    return await jobs(session, _reader(caller), limit=limit, after=after, status=status)


async def get(session: TenantSession, caller: Caller, job_id: UUID) -> Job:
    """Raises NotFoundError."""
    found = await job(session, _reader(caller), job_id)
    if found is None:
        raise NotFoundError("job")
    return found


async def hidden(session: TenantSession, caller: Caller, rows: Sequence[Job]) -> set[UUID]:
    """Documents among the subjects whose names are not the caller's to know."""
    documents = {row.subject_id for row in rows if row.subject_type == "document"}
    return documents - await readable_documents(session, caller.principals, list(documents))


async def cancel(session: TenantSession, caller: Caller, job_id: UUID) -> Job:
    """Ask the job to stop; its worker does so at its next step, and keeps what was committed."""
    found = await get(session, caller, job_id)
    if found.status not in ("queued", "running"):
        raise ConflictError(f"The job is {found.status} already.")
    await ask_to_end(session, found)
    await _record(session, caller, found, "job.cancel")
    return found


async def retry(session: TenantSession, caller: Caller, job_id: UUID) -> Job:
    """Put a job that ended badly back into its queue, with fresh attempts.

    Raises NotFoundError; ConflictError for other jobs, and for what has ended: nothing follows its end.
    """
    found = await get(session, caller, job_id)
    if found.status not in _ENDED_BADLY:
        raise ConflictError(
            f"The job is {found.status}; only a failed, cancelled or quarantined one can be retried."
        )
    if await has_ended(session, found):
        raise ConflictError(f"The {found.subject_type} has ended. Ask for it again instead.")
    found.status, found.attempt, found.error = "queued", 0, None
    found.cancel_requested_at = found.finished_at = None
    await repository.ensure_outbox(session, job_id)
    await wake(session, job_id)
    await _record(session, caller, found, "job.retry")
    return found


async def _record(session: TenantSession, caller: Caller, job: Job, action: str) -> None:
    await record(session, caller.did("ADMIN", action, Resource("job", str(job.id), job.kind)))
