"""Putting work down: a job and its outbox row, in the transaction of whatever asked for it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.repository import wake_at
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.tables.jobs import Job, Outbox, Schedule


@dataclass(frozen=True, slots=True)
class Subject:
    """What a job is about."""

    type: str
    id: UUID
    name: str = ""


async def enqueue(
    session: TenantSession,
    kind: str,
    subject: Subject,
    *,
    queue: str = "default",
    requested_by: UUID | None = None,
) -> UUID:
    """The job's id. It runs after the caller's commit, or never if there is none."""
    job = Job(
        tenant_id=session.tenant_id,
        id=new_id(),
        kind=kind,
        queue=queue,
        subject_type=subject.type,
        subject_id=subject.id,
        subject_name=subject.name,
        requested_by=requested_by,
    )
    session.add(job)
    await session.flush()
    session.add(Outbox(tenant_id=session.tenant_id, id=job.id, due_at=now()))
    _ring(session, job.id)
    await session.flush()
    return job.id


async def wake(session: TenantSession, job_id: UUID) -> None:
    """Have the job taken up after the caller's commit, whatever pause it lies in."""
    await wake_at(session, job_id, now())
    _ring(session, job_id)


async def ask_to_end(session: TenantSession, job: Job) -> None:
    """Its worker ends it at its next step; one that waits, perhaps in a long pause, is taken up for it."""
    job.cancel_requested_at = job.cancel_requested_at or now()
    if job.status == "queued":
        await wake(session, job.id)


def _ring(session: TenantSession, job_id: UUID) -> None:
    """For the hook that wakes workers after the commit."""
    session.info.setdefault("wake", []).append(job_id)


async def schedule(session: TenantSession, kind: str, every: timedelta) -> None:
    """Have a job of that kind enqueued again and again, the first time after one period."""
    seconds = int(every.total_seconds())
    row = Schedule(
        tenant_id=session.tenant_id, id=new_id(), kind=kind, every_seconds=seconds, due_at=now() + every
    )
    session.add(row)
    await session.flush()
