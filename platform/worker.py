"""The worker process: Celery's threads take wake-ups, one event loop does the work, beat keeps the clock."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any
from uuid import UUID

import structlog
from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.signals import worker_ready, worker_shutdown

from secretariat.platform.audit.sealer import keep_sealing
from secretariat.platform.compliance import jobs as compliance
from secretariat.platform.composition import close, make_services, required
from secretariat.platform.conversations import jobs as conversations
from secretariat.platform.db.session import Database
from secretariat.platform.documents import index_state
from secretariat.platform.documents import jobs as documents
from secretariat.platform.evaluation import jobs as evaluation
from secretariat.platform.identity import housekeeping
from secretariat.platform.jobs.broker import QUEUES, RUN_JOB, SWEEP, TRAINING_QUEUE, send_run
from secretariat.platform.jobs.dispatcher import Dispatcher
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.settings import Settings
from secretariat.platform.tasks import jobs as tasks
from secretariat.platform.telemetry.logs import configure_logs
from secretariat.platform.training import adapters, comparisons, evaluating
from secretariat.platform.training import jobs as training
from secretariat.platform.training.service import TRAIN
from secretariat.platform.works import jobs as works

log = structlog.get_logger(__name__)

HANDLERS: Mapping[str, Handler] = {
    "documents.ingest": Handler(documents.ingest, documents.on_quarantine, at_once=2),
    index_state.REBUILD: Handler(index_state.carry_out, at_once=1),
    "tasks.run": Handler(tasks.run, tasks.on_quarantine),
    "conversations.answer": Handler(conversations.run, conversations.on_quarantine),
    "works.carry_out": Handler(works.carry_out, works.on_quarantine, at_once=2),
    "evaluation.measure": Handler(evaluation.measure, evaluation.on_quarantine, at_once=1),
    TRAIN: Handler(training.train, training.on_quarantine, at_once=1, queue=TRAINING_QUEUE),
    adapters.EVALUATE: Handler(evaluating.evaluate, evaluating.on_quarantine, at_once=1),
    comparisons.COMPARE: Handler(comparisons.compare, comparisons.on_quarantine, at_once=2),
    "identity.housekeeping": Handler(housekeeping.keep_house),
    "compliance.export": Handler(compliance.export, compliance.on_quarantine, at_once=1),
}


class Worker:
    """One event loop in a thread of its own; Celery's threads hand it coroutines and wait."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="work", daemon=True)
        self._thread.start()
        self._services, self.celery = self._wait(self._compose())
        dispatcher_url = required(settings.database_dispatcher_url, "DATABASE_DISPATCHER_URL")
        self._dispatch_database = Database(dispatcher_url, pool_size=1)
        self._queues = [QUEUES[name.strip()] for name in settings.worker_queues.split(",")]
        self._runner = Runner(self._services, HANDLERS, frozenset(self._queues), self._pass_on)
        self._dispatcher = Dispatcher(self._services, self._dispatch_database, self._send)
        self._sealing = asyncio.run_coroutine_threadsafe(
            keep_sealing(self._services.database, settings.seal_interval_seconds), self._loop
        )
        self._beat = EmbeddedService(self.celery, thread=True, scheduler_cls=Scheduler)  # in memory

    async def _compose(self) -> Any:
        return make_services(self._settings)

    def _send(self, tenant_id: UUID, job_id: UUID) -> None:
        send_run(self.celery, tenant_id, job_id)

    def _pass_on(self, queue: str, tenant_id: UUID, job_id: UUID) -> None:
        send_run(self.celery, tenant_id, job_id, queue)

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _wait_quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        """What fails is done again by a later sweep. Celery would log the message, which may quote someone."""
        try:
            self._wait(work)
        except Exception:
            log.exception("left to the next sweep")

    def serve(self) -> None:
        """Until SIGTERM; a job under way is given up to another lease if it doesn't end in time."""
        self._register(self.celery)
        worker_ready.connect(self._start_clock, weak=False)
        worker_shutdown.connect(self._shut_down, weak=False)
        self.celery.worker_main(
            [
                "worker",
                *("--pool", "threads", "--concurrency", str(self._settings.worker_threads)),
                *("--queues", ",".join(self._queues), "--loglevel", "WARNING"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )

    def _register(self, celery: Celery) -> None:
        @celery.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
        def run_job(tenant_id: str, job_id: str) -> None:
            self._wait_quietly(self._runner.carry_out(UUID(tenant_id), UUID(job_id)))

        @celery.task(name=SWEEP)  # type: ignore[untyped-decorator]
        def sweep() -> None:
            self._wait_quietly(self._dispatcher.sweep())

    def _start_clock(self, **_signal: object) -> None:
        self._beat.start()

    def _shut_down(self, **_signal: object) -> None:
        self._beat.stop()
        self._sealing.cancel()
        self._wait(self._dispatch_database.close())
        self._wait(close(self._services))
        self._loop.call_soon_threadsafe(self._loop.stop)


def main() -> None:
    configure_logs()
    Worker(Settings()).serve()


if __name__ == "__main__":
    main()
