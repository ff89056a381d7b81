"""From the service's audit log to a file that verifies without the service."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secretariat.platform.compliance.bundle import verify_bundle
from secretariat.platform.demo.api import Api, ApiRefusedError

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_SEAL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """`verified` is the verdict of the offline check on the exported file."""

    records: int
    head: str
    verified: bool
    export: Path
    task_records: int


def prove(api: Api, task_id: str, target: Path) -> Proof:
    """Wait for the task's seals, export the whole chain, download it and verify the file itself."""
    target.parent.mkdir(parents=True, exist_ok=True)
    task_records = _await_seals(api, task_id)
    window = {"from": _BEGINNING.isoformat(), "to": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}
    export = api.post("/v1/compliance/exports", window)
    export = api.until(f"/v1/compliance/exports/{export['id']}", ("done", "failed"))
    if export["status"] != "done":
        raise ApiRefusedError(f"The export failed: {export['error']}")
    api.download(f"/v1/compliance/exports/{export['id']}/file", target)
    verdict = verify_bundle(target)
    return Proof(
        records=verdict.records,
        head=verdict.manifest.last_hash,
        verified=verdict.verified and verdict.complete_from_start,
        export=target,
        task_records=task_records,
    )


def _await_seals(api: Api, task_id: str) -> int:
    deadline = time.monotonic() + _SEAL_SECONDS
    while True:
        records = list(api.every("/api/v1/audit/records", task_id=task_id))
        if all(record["integrity"]["sealed"] for record in records):
            return len(records)
        if time.monotonic() > deadline:
            raise ApiRefusedError(f"Records of task {task_id} were not sealed within {_SEAL_SECONDS} s.")
        time.sleep(0.2)
