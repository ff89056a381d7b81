"""From a wake-up to the end of a job: take the lease, keep it alive, carry out, settle."""

import asyncio
import os
import socket
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from secretariat.platform.jobs import repository
from secretariat.platform.jobs.errors import JobCancelledError, JobFailedError, LeaseLostError
from secretariat.platform.jobs.run import Handler, JobRun
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Job, Lease

log = structlog.get_logger(__name__)

_BUSY_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 60
PassOn = Callable[[str, UUID, UUID], None]


class Runner:
    """Carries out jobs by kind. Any number of runners may be woken for the same job.

    `queues`: those that this process serves, all of them unless given; a job for another one is passed on to it by
    `pass_on` (queue, tenant, job), again every minute while nobody takes it.
    """

    def __init__(
        self,
        services: Services,
        handlers: Mapping[str, Handler],
        queues: frozenset[str] | None = None,
        pass_on: PassOn | None = None,
    ) -> None:
        self._services = services
        self._handlers = handlers
        self._queues = queues
        self._pass_on = pass_on
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._running: Counter[str] = Counter()
        self._turned_away: defaultdict[str, OrderedDict[tuple[UUID, UUID], None]] = defaultdict(OrderedDict)

    async def carry_out(self, tenant_id: UUID, job_id: UUID) -> None:
        """Does nothing when the job has ended or another holds it.

        Goes on with the jobs of its kind that found no free place meanwhile, first come first served: waiting
        for the next sweep would leave the place empty for seconds.
        """
        kind = await self._carry_out(tenant_id, job_id)
        while kind is not None and self._pause_for(kind) is None and self._turned_away[kind]:
            waiting, _ = self._turned_away[kind].popitem(last=False)
            await self._carry_out(*waiting)

    async def _carry_out(self, tenant_id: UUID, job_id: UUID) -> str | None:
        """The kind of the job that was carried out; None if it wasn't."""
        with ExitStack() as place:
            taken = await self._take(tenant_id, job_id, place)
            if taken is None:
                return None
            run, kind, quarantined = taken
            handler = self._handlers[kind]
            await (self._give_up(run, handler) if quarantined else self._hold(run, handler))
            return kind

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        self._running[kind] += 1
        try:
            yield
        finally:
            self._running[kind] -= 1

    async def _take(self, tenant_id: UUID, job_id: UUID, place: ExitStack) -> tuple[JobRun, str, bool] | None:
        """`place` counts it from the moment in which there was a free one: others take jobs at the same time."""
        async with self._services.database.tenant(tenant_id) as session:
            job = await repository.locked_job(session, job_id)
            if job is None:
                return None
            if job.status not in ("queued", "running"):
                await repository.leave_outbox(session, job_id)
                return None
            lease = await repository.lease(session, job_id)
            if lease is not None and await repository.free_lease(session, job_id) is None:
                return None
            elsewhere = self._elsewhere(job.kind)
            if elsewhere is not None and self._pass_on is not None:
                await repository.wake_at(session, job_id, now() + timedelta(seconds=_LONGEST_PAUSE_SECONDS))
                await asyncio.to_thread(self._pass_on, elsewhere, tenant_id, job_id)
                return None
            pause = self._pause_for(job.kind)
            if pause is not None:
                if job.kind in self._handlers:
                    self._turned_away[job.kind][tenant_id, job_id] = None
                await repository.wake_at(session, job_id, now() + pause)
                return None
            place.enter_context(self._counted(job.kind))
            until = now() + self._lease_time
            if lease is None:
                lease = Lease(tenant_id=tenant_id, id=job_id, token=0, holder="", due_at=until)
                session.add(lease)
            lease.token, lease.holder, lease.due_at = lease.token + 1, self._holder, until
            await repository.wake_at(session, job_id, until)
            quarantined = job.attempt >= self._services.settings.job_attempts
            job.status, job.attempt, job.started_at = "running", job.attempt + 1, job.started_at or now()
            return self._run_of(job, lease), job.kind, quarantined

    def _elsewhere(self, kind: str) -> str | None:
        """The queue whose workers carry that kind out, if this process isn't one of them."""
        handler = self._handlers.get(kind)
        queue = handler.queue if handler is not None else None
        return queue if queue is not None and self._queues is not None and queue not in self._queues else None

    def _pause_for(self, kind: str) -> timedelta | None:
        """How long a job of that kind has to wait: for a free place, or for a worker that knows the kind."""
        handler = self._handlers.get(kind)
        if handler is None:
            log.warning("no handler; a newer worker may have one", kind=kind)
            return timedelta(seconds=_LONGEST_PAUSE_SECONDS)
        if handler.at_once is not None and self._running[kind] >= handler.at_once:
            return timedelta(seconds=_BUSY_SECONDS)
        return None

    def _run_of(self, job: Job, lease: Lease) -> JobRun:
        return JobRun(
            services=self._services,
            tenant_id=job.tenant_id,
            job_id=job.id,
            subject_id=job.subject_id,
            attempt=job.attempt,
            token=lease.token,
            requested_by=job.requested_by,
        )

    @property
    def _lease_time(self) -> timedelta:
        return timedelta(seconds=self._services.settings.lease_seconds)

    async def _hold(self, run: JobRun, handler: Handler) -> None:
        work = asyncio.ensure_future(handler.run(run))
        pulse = asyncio.ensure_future(self._keep_alive(run))
        try:
            await asyncio.wait({work, pulse}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await self._conclude(run, work)
            else:
                log.warning("lease lost", job_id=str(run.job_id))
        finally:
            work.cancel()
            pulse.cancel()
            await asyncio.gather(work, pulse, return_exceptions=True)

    async def _conclude(self, run: JobRun, work: "asyncio.Future[None]") -> None:
        try:
            work.result()
            await self._settle(run, "done")
        except JobFailedError as failure:
            await self._settle(run, "failed", {"code": failure.code, "message": failure.message})
        except JobCancelledError:
            await self._settle(run, "cancelled")
        except LeaseLostError:
            log.warning("lease lost", job_id=str(run.job_id))
        except Exception as error:
            log.exception("job failed; it will be tried again", job_id=str(run.job_id))
            await self._put_back(run, error)

    async def _keep_alive(self, run: JobRun) -> None:
        """Returns when the lease is another's."""
        kept = True
        while kept:
            await asyncio.sleep(self._lease_time.total_seconds() / 3)
            until = now() + self._lease_time
            try:
                async with self._services.database.tenant(run.tenant_id) as session:
                    kept = await repository.extend_lease(session, run.job_id, run.token, until)
            except SQLAlchemyError:
                log.warning("lease not extended; it outlives three missed pulses", job_id=str(run.job_id))

    async def _settle(self, run: JobRun, status: str, error: dict[str, str] | None = None) -> None:
        with suppress(LeaseLostError):
            async with run.session() as session:
                job = await repository.job(session, run.job_id)
                assert job is not None
                job.status, job.error, job.finished_at = status, error, now()
                await repository.leave_outbox(session, run.job_id)
                await repository.let_go(session, run.job_id)

    async def _put_back(self, run: JobRun, error: Exception) -> None:
        pause = timedelta(seconds=min(2**run.attempt, _LONGEST_PAUSE_SECONDS))
        with suppress(LeaseLostError):
            async with run.session() as session:
                job = await repository.job(session, run.job_id)
                assert job is not None
                job.status = "queued"
                job.error = {
                    "code": "attempt_failed",
                    "message": f"{type(error).__name__} in attempt {run.attempt}",
                }
                await repository.let_go(session, run.job_id)
                await repository.wake_at(session, run.job_id, now() + pause)

    async def _give_up(self, run: JobRun, handler: Handler) -> None:
        if handler.on_quarantine is not None:
            await handler.on_quarantine(run)
        message = f"Gave up after {run.attempt - 1} attempts. Retry it once the cause is mended."
        await self._settle(run, "quarantined", {"code": "quarantined", "message": message})
