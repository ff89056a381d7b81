"""The queries of jobs, leases and the outbox."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update

from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.times import now
from secretariat.platform.tables.jobs import Job, Lease, Outbox, Schedule


async def job(session: TenantSession, job_id: UUID) -> Job | None:
    return await session.scalar(select(Job).where(Job.id == job_id))


async def locked_job(session: TenantSession, job_id: UUID) -> Job | None:
    """The job under a row lock; None when it doesn't exist or another transaction holds it."""
    return await session.scalar(select(Job).where(Job.id == job_id).with_for_update(skip_locked=True))


async def lease(session: TenantSession, job_id: UUID) -> Lease | None:
    return await session.scalar(select(Lease).where(Lease.id == job_id))


async def free_lease(session: TenantSession, job_id: UUID) -> Lease | None:
    """The lease under a row lock, if it has lapsed.

    None too while its holder is in the midst of a transaction, however long that takes: it lives.
    """
    query = select(Lease).where(Lease.id == job_id, Lease.due_at <= now()).with_for_update(skip_locked=True)
    return await session.scalar(query.execution_options(populate_existing=True))


async def held_token(session: TenantSession, job_id: UUID) -> int | None:
    """The token in force, under a share lock: nobody can take the lease before this transaction ends."""
    return await session.scalar(select(Lease.token).where(Lease.id == job_id).with_for_update(read=True))


async def extend_lease(session: TenantSession, job_id: UUID, token: int, until: datetime) -> bool:
    """False when the lease is another's by now."""
    held = await session.scalar(
        update(Lease).where(Lease.id == job_id, Lease.token == token).values(due_at=until).returning(Lease.id)
    )
    if held is None:
        return False
    await wake_at(session, job_id, until)
    return True


async def let_go(session: TenantSession, job_id: UUID) -> None:
    """The lease may be taken by anyone from now on."""
    await session.execute(update(Lease).where(Lease.id == job_id).values(due_at=now()))


async def wake_at(session: TenantSession, job_id: UUID, moment: datetime) -> None:
    await session.execute(update(Outbox).where(Outbox.id == job_id).values(due_at=moment))


async def ensure_outbox(session: TenantSession, job_id: UUID) -> None:
    if await session.scalar(select(Outbox.id).where(Outbox.id == job_id)) is None:
        session.add(Outbox(tenant_id=session.tenant_id, id=job_id, due_at=now()))


async def leave_outbox(session: TenantSession, job_id: UUID) -> None:
    await session.execute(delete(Outbox).where(Outbox.id == job_id))


async def set_progress(session: TenantSession, job_id: UUID, done: int, total: int) -> bool:
    """Whether somebody asked the job to end."""
    asked = await session.scalar(
        update(Job)
        .where(Job.id == job_id)
        .values(progress_done=done, progress_total=total)
        .returning(Job.cancel_requested_at)
    )
    return asked is not None


async def cancel_requested(session: TenantSession, job_id: UUID) -> bool:
    return await session.scalar(select(Job.cancel_requested_at).where(Job.id == job_id)) is not None


async def forget_name(session: TenantSession, subject_id: UUID) -> None:
    """Jobs about a subject stay; what it was called goes."""
    await session.execute(update(Job).where(Job.subject_id == subject_id).values(subject_name=""))


async def due_schedule(session: TenantSession, schedule_id: UUID) -> Schedule | None:
    """The schedule under a row lock, if it is still due; moves it to its next time."""
    schedule = await session.scalar(
        select(Schedule)
        .where(Schedule.id == schedule_id, Schedule.due_at <= now())
        .with_for_update(skip_locked=True)
    )
    if schedule is not None:
        schedule.due_at = now() + timedelta(seconds=schedule.every_seconds)
    return schedule
