"""Celery as a doorbell: messages carry ids only, and losing all of them loses no work."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from secretariat.platform.db.session import TenantSession
from secretariat.platform.services import Wake

log = structlog.get_logger(__name__)

RUN_JOB = "secretariat.run_job"
SWEEP = "secretariat.sweep"
WORK_QUEUE = "secretariat.work"
CLOCK_QUEUE = "secretariat.clock"
TRAINING_QUEUE = "secretariat.training"
QUEUES = {"work": WORK_QUEUE, "clock": CLOCK_QUEUE, "training": TRAINING_QUEUE}


def make_celery(redis_url: str) -> Celery:
    """Early acknowledgement is right here: what a lost message asked for is still in the outbox."""
    celery = Celery("secretariat", broker=redis_url, set_as_current=False)
    celery.conf.update(
        task_ignore_result=True,
        task_default_queue=WORK_QUEUE,
        task_routes={SWEEP: {"queue": CLOCK_QUEUE}},
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "socket_connect_timeout": 2,
            "socket_timeout": 30,
            "socket_keepalive": True,
        },
        beat_schedule={"sweep": {"task": SWEEP, "schedule": 1.0, "options": {"expires": 5}}},
        timezone="UTC",
    )
    return celery


def waker(celery: Celery) -> Wake:
    async def wake(tenant_id: UUID, job_id: UUID) -> None:
        try:
            await asyncio.to_thread(send_run, celery, tenant_id, job_id)
        except OperationalError:
            log.warning("workers not woken; the sweep will", job_id=str(job_id))

    return wake


def send_run(celery: Celery, tenant_id: UUID, job_id: UUID, queue: str = WORK_QUEUE) -> None:
    """Raises kombu's OperationalError when Redis can't be reached."""
    celery.send_task(RUN_JOB, args=[str(tenant_id), str(job_id)], queue=queue, retry=False)


def wake_after_commit(wake: Wake) -> Callable[[TenantSession], Awaitable[None]]:
    """The hook that wakes workers for the jobs that a committed session put down."""

    async def hook(session: TenantSession) -> None:
        for job_id in session.info.pop("wake", []):
            await wake(session.tenant_id, job_id)

    return hook
