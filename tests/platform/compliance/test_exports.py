"""From the log to a file that an auditor verifies alone."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from secretariat.platform.cli.main import app as cli
from secretariat.platform.compliance import jobs
from secretariat.platform.jobs import repository
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Job
from tests.support.factories import Person


def window() -> dict[str, str]:
    return {
        "from": datetime(2020, 1, 1, tzinfo=UTC).isoformat(),
        "to": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
    }


async def export(services: Services, person: Person, path: Path) -> dict[str, Any]:
    response = await person.client.post("/v1/compliance/exports", json=window())
    assert response.status_code == 202, response.text
    export_id = response.json()["id"]
    queued = (await person.client.get("/api/v1/jobs", params={"status": "queued"})).json()["data"]
    job_id = next(job["id"] for job in queued if job["subject"]["id"] == export_id)
    runner = Runner(services, {"compliance.export": Handler(jobs.export, jobs.on_quarantine)})
    await runner.carry_out(person.tenant.id, UUID(job_id))
    done: dict[str, Any] = (await person.client.get(f"/v1/compliance/exports/{export_id}")).json()
    assert done["status"] == "done", done
    path.write_bytes((await person.client.get(f"/v1/compliance/exports/{export_id}/file")).content)
    return done


def verify(path: Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(cli, ["audit", "verify", str(path), "--json"])
    return result.exit_code, json.loads(result.stdout)


async def test_an_export_verifies_offline_from_the_first_record_on(
    services: Services, owner: Person, tmp_path: Path
) -> None:
    path = tmp_path / "export.zip"
    done = await export(services, owner, path)
    code, verdict = verify(path)
    assert (code, verdict["verified"], verdict["complete_from_start"]) == (0, True, True)
    assert verdict["records"] == done["records"] > 0
    live = (await owner.client.get("/api/v1/audit/verify")).json()
    assert live["verified"]


def rewritten(path: Path, target: Path, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("records.jsonl").splitlines()
        manifest = archive.read("manifest.json")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("records.jsonl", b"".join(line + b"\n" for line in change(lines)))
        archive.writestr("manifest.json", manifest)


def altered(lines: list[bytes]) -> list[bytes]:
    first = json.loads(lines[0])
    first["record"]["outcome"] = "denied"
    return [json.dumps(first).encode(), *lines[1:]]


@pytest.mark.parametrize(
    "change",
    [altered, lambda lines: lines[1:], lambda lines: lines[:-1], lambda lines: [*lines[1:], lines[0]]],
)
async def test_an_altered_export_does_not_verify(
    services: Services, owner: Person, tmp_path: Path, change: Any
) -> None:
    path, forged = tmp_path / "export.zip", tmp_path / "forged.zip"
    await export(services, owner, path)
    rewritten(path, forged, change)
    code, verdict = verify(forged)
    assert (code, verdict["verified"]) == (1, False)


def test_a_file_that_is_no_export_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "holiday.zip"
    path.write_bytes(b"not a zip")
    result = CliRunner().invoke(cli, ["audit", "verify", str(path)])
    assert result.exit_code == 2
    assert "not a readable audit export" in " ".join(result.stdout.split())


async def test_a_window_turned_round_is_refused(owner: Person) -> None:
    body = {"from": window()["to"], "to": window()["from"]}
    response = await owner.client.post("/v1/compliance/exports", json=body)
    assert response.status_code == 422


async def test_looking_at_content_is_itself_on_record(owner: Person) -> None:
    records = (await owner.client.get("/api/v1/audit/records")).json()["data"]
    record_id = records[0]["id"]
    assert (await owner.client.get(f"/api/v1/audit/records/{record_id}/content")).status_code == 200
    looks = (await owner.client.get("/api/v1/audit/records", params={"event_type": "AUDIT_READ"})).json()[
        "data"
    ]
    assert [look["resource"]["id"] for look in looks] == [record_id]


async def test_a_job_can_be_cancelled_once_and_is_listed(owner: Person) -> None:
    export_id = (await owner.client.post("/v1/compliance/exports", json=window())).json()["id"]
    jobs_seen = (await owner.client.get("/api/v1/jobs")).json()["data"]
    job = next(job for job in jobs_seen if job["subject"]["id"] == export_id)
    cancelled = await owner.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["cancel_requested"] is True
    assert (await owner.client.post(f"/api/v1/jobs/{job['id']}/retry")).status_code == 409


async def test_a_second_run_of_a_finished_export_changes_nothing(
    services: Services, owner: Person, tmp_path: Path
) -> None:
    """Its worker may have died between the last commit and the end of the job."""
    done = await export(services, owner, tmp_path / "export.zip")
    async with services.database.tenant(owner.tenant.id) as session:
        row = await session.scalar(select(Job).where(Job.subject_id == UUID(done["id"])))
        assert row is not None
        row.status = "queued"
        lease = await repository.lease(session, row.id)
        assert lease is not None
        lease.due_at = now() - timedelta(seconds=1)
        job_id = row.id
    runner = Runner(services, {"compliance.export": Handler(jobs.export, jobs.on_quarantine)})
    await runner.carry_out(owner.tenant.id, job_id)
    again = (await owner.client.get(f"/v1/compliance/exports/{done['id']}")).json()
    assert again == done


def test_a_file_with_a_torn_stream_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{" + " " * 5000 + "}")
    data = bytearray(path.read_bytes())
    data[30 + len("manifest.json")] = 0xFF  # the first byte of the deflated stream (an invalid block type)
    path.write_bytes(bytes(data))
    code, verdict = verify(path)
    assert (code, verdict["verified"]) == (2, False)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/audit/verify", {"from_seq": str(2**70)}),
        ("/api/v1/audit/records", {"outcome": "\x00"}),
        ("/api/v1/audit/records", {"event_type": "\x00"}),
    ],
)
async def test_queries_that_the_database_could_not_take_are_refused(
    owner: Person, path: str, query: dict[str, str]
) -> None:
    assert (await owner.client.get(path, params=query)).status_code == 422


async def test_a_window_at_the_end_of_the_calendar_is_refused(owner: Person) -> None:
    body = {"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-12:00"}
    assert (await owner.client.post("/v1/compliance/exports", json=body)).status_code == 422


async def test_a_range_beyond_the_chain_is_not_called_verified(owner: Person) -> None:
    response = await owner.client.get("/api/v1/audit/verify", params={"from_seq": 10_000_000})
    assert response.status_code == 422
