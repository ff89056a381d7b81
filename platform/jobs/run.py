"""One holder's hold on one job: what a handler may use while it carries the job out."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs import repository
from secretariat.platform.jobs.errors import LeaseLostError
from secretariat.platform.services import Services

_PROGRESS_SECONDS = 1.0


@dataclass(slots=True)
class JobRun:
    """Every write goes through `session`, which refuses to commit once the lease is another's."""

    services: Services
    tenant_id: UUID
    job_id: UUID
    subject_id: UUID
    attempt: int
    token: int
    requested_by: UUID | None = None
    _progress_at: float = field(default=0.0, repr=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[TenantSession]:
        """A transaction that begins by checking the fencing token. Raises LeaseLostError."""
        async with self.services.database.tenant(self.tenant_id) as session:
            if await repository.held_token(session, self.job_id) != self.token:
                raise LeaseLostError(f"job {self.job_id} was taken over")
            yield session

    async def progress(self, done: int, total: int) -> bool:
        """Told at most once a second, and always of the last step. Whether somebody asked the job to end, as
        far as that was looked at."""
        if done < total and time.monotonic() - self._progress_at < _PROGRESS_SECONDS:
            return False
        self._progress_at = time.monotonic()
        async with self.session() as session:
            return await repository.set_progress(session, self.job_id, done, total)

    async def cancelled(self) -> bool:
        async with self.services.database.tenant(self.tenant_id) as session:
            return await repository.cancel_requested(session, self.job_id)


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of job is carried out, and what becomes of its subject if it never can be.

    `queue`: whose workers carry it out, where not all do.
    """

    run: Callable[[JobRun], Awaitable[None]]
    on_quarantine: Callable[[JobRun], Awaitable[None]] | None = None
    at_once: int | None = None
    queue: str | None = None
