"""Kill -9 of the worker costs a few seconds and nothing else."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from secretariat.platform.demo.api import Api
from tests.support.stack import RunningStack, ready

TERMINAL = ("completed", "failed", "cancelled")
NOTE = """# Canteen

The canteen opens at half past eleven. The canteen closes at two in the afternoon.
Lunch in the canteen costs six euros for employees.

# Bicycles

The company lends twelve bicycles. A bicycle may be kept for three days.
"""


@pytest.fixture(scope="module")
def api(running_stack: RunningStack) -> Iterator[Api]:
    client = running_stack.api()
    yield client
    client.close()


@pytest.fixture(scope="module")
def collection(api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("notes") / "notes.md"
    path.write_text(NOTE)
    collection_id = str(api.post("/api/v1/collections", {"name": "Notes", "description": ""})["id"])
    document = api.upload(collection_id, path, "notes.md", "text/markdown")
    ready(api, document)
    return collection_id


def ask(api: Api, collection: str, request: str) -> str:
    return str(api.post("/api/v1/tasks", {"request": request, "collection_ids": [collection]})["id"])


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("it did not come about in time")


def events(api: Api, task_id: str) -> list[dict[str, Any]]:
    return list(api.events(task_id))


def superuser(running_stack: RunningStack) -> psycopg.Connection:
    assert running_stack.stack.postgres is not None
    url = running_stack.stack.postgres.url("postgres", "secretariat").replace("+psycopg", "")
    return psycopg.connect(url)


def test_a_task_whose_worker_was_killed_goes_on_where_it_was(
    running_stack: RunningStack, api: Api, collection: str
) -> None:
    task_id = ask(api, collection, "When does the canteen open?")
    wait_for(lambda: api.get(f"/api/v1/tasks/{task_id}")["plan"])
    victim = running_stack.child_pid("worker")
    os.kill(victim, signal.SIGKILL)
    journal = events(api, task_id)
    assert journal[-1]["type"] == "task.completed"
    assert [event["seq"] for event in journal] == list(range(1, len(journal) + 1))
    assert [event["type"] for event in journal].count("plan.proposed") == 1
    assert running_stack.child_pid("worker") != victim


def test_a_kill_between_reserving_and_settling_leaves_one_report(
    running_stack: RunningStack, api: Api, collection: str
) -> None:
    with superuser(running_stack) as lock, superuser(running_stack) as watch:
        watch.autocommit = True
        lock.execute("LOCK TABLE artifacts IN SHARE MODE")  # holds up the settling, and nothing before it
        task_id = ask(api, collection, "Write a report about the canteen and its prices.")
        wait_for(
            lambda: watch.execute(
                "SELECT 1 FROM effects WHERE task_id = %s AND status = 'reserved'", (task_id,)
            ).fetchone()
        )
        os.kill(running_stack.child_pid("worker"), signal.SIGKILL)
        lock.rollback()
        journal = events(api, task_id)
        assert journal[-1]["type"] == "task.completed", journal[-1]
        count = watch.execute("SELECT count(*) FROM artifacts WHERE task_id = %s", (task_id,)).fetchone()
        effects = watch.execute("SELECT status FROM effects WHERE task_id = %s", (task_id,)).fetchall()
    assert count == (1,)
    assert effects == [("settled",)]
    task = api.get(f"/api/v1/tasks/{task_id}")
    assert len(task["artifacts"]) == 1
    artifact = api.get(f"/api/v1/tasks/{task_id}/artifacts/{task['artifacts'][0]['id']}")
    assert "canteen" in artifact["text"].lower()
