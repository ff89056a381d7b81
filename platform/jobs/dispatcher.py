"""The safety net below the doorbell: what the database says is due is sent again.

Connects as the dispatcher role, which may read id, tenant and due time, and nothing else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select

from secretariat.platform.db.session import Database
from secretariat.platform.jobs import repository
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Outbox, Schedule

_AT_ONCE = 500
_QUIET = timedelta(seconds=5)


class Dispatcher:
    """Sweeps the outbox and the schedules. A job that was just sent is left alone for a few seconds."""

    def __init__(self, services: Services, database: Database, send: Callable[[UUID, UUID], None]) -> None:
        self._services = services
        self._database = database
        self._send = send
        self._sent: dict[UUID, datetime] = {}

    async def sweep(self) -> int:
        """The number of jobs sent. Raises what `send` raises; the next sweep goes on from there."""
        await self._fire_schedules()
        due = await self._due(
            select(Outbox.tenant_id, Outbox.id).where(Outbox.due_at <= now()).order_by(Outbox.due_at)
        )
        self._sent = {job_id: at for job_id, at in self._sent.items() if now() - at < _QUIET}
        fresh = [(tenant_id, job_id) for tenant_id, job_id in due if job_id not in self._sent]
        for tenant_id, job_id in fresh:
            self._send(tenant_id, job_id)
            self._sent[job_id] = now()
        return len(fresh)

    async def _fire_schedules(self) -> None:
        for tenant_id, schedule_id in await self._due(
            select(Schedule.tenant_id, Schedule.id).where(Schedule.due_at <= now())
        ):
            async with self._services.database.tenant(tenant_id) as session:
                schedule = await repository.due_schedule(session, schedule_id)
                if schedule is not None:
                    await enqueue(session, schedule.kind, Subject("schedule", schedule.id, schedule.kind))

    async def _due(self, query: Select[UUID, UUID]) -> list[tuple[UUID, UUID]]:
        async with self._database.unbound() as session:
            return [(tenant_id, row_id) for tenant_id, row_id in await session.execute(query.limit(_AT_ONCE))]
