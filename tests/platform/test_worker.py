"""What goes wrong around a job reaches the log without its words."""

import asyncio
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest

from secretariat.platform.jobs.broker import RUN_JOB, make_celery
from secretariat.platform.kit.ids import new_id
from secretariat.platform.telemetry.logs import configure_logs
from secretariat.platform.worker import Worker


class FailingRunner:
    async def carry_out(self, *_ids: object) -> NoReturn:
        raise ValueError("Failing row contains (Ada Lovelace)")


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = object.__new__(Worker)
    made._loop = asyncio.new_event_loop()
    thread = threading.Thread(target=made._loop.run_forever)
    thread.start()
    made._runner = FailingRunner()  # type: ignore[assignment]
    yield made
    made._loop.call_soon_threadsafe(made._loop.stop)
    thread.join(10)
    made._loop.close()


def test_a_failure_around_a_job_is_logged_by_kind_only(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs()
    celery = make_celery("memory://")
    worker._register(celery)
    celery.tasks[RUN_JOB](str(new_id()), str(new_id()))
    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "Ada" not in logged
