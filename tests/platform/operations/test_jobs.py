"""Jobs tell no more than their reader may know, and stop when they are told to."""

from datetime import timedelta
from uuid import UUID

from fastapi import FastAPI

from secretariat.platform.jobs import repository
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.jobs import Outbox
from tests.support.factories import Person, make_person


async def test_the_name_of_a_document_that_one_may_not_read_is_left_out(
    app: FastAPI, services: Services, owner: Person
) -> None:
    made = await owner.client.post("/api/v1/collections", json={"name": "Board", "private": True})
    await owner.client.post(
        "/api/v1/documents",
        data={"collection_id": made.json()["id"]},
        files={"file": ("Layoffs.txt", b"Nobody knows yet.", "text/plain")},
    )
    (mine,) = (await owner.client.get("/api/v1/jobs")).json()["data"]
    admin = await make_person(app, services, owner.tenant, "admin")
    (theirs,) = (await admin.client.get("/api/v1/jobs")).json()["data"]
    assert (mine["subject"]["name"], theirs["subject"]["name"]) == ("Layoffs.txt", "")
    alone = (await admin.client.get(f"/api/v1/jobs/{mine['id']}")).text
    assert "Layoffs" not in alone


async def test_members_see_what_they_gave_and_what_is_about_documents_that_they_may_read(
    app: FastAPI, services: Services, owner: Person
) -> None:
    """Of the others they learn nothing: not that there are some, nor when they run, nor how large they are."""
    member = await make_person(app, services, owner.tenant, "member")
    for name, private in (("Board", True), ("Open", False)):
        made = await owner.client.post("/api/v1/collections", json={"name": name, "private": private})
        await owner.client.post(
            "/api/v1/documents",
            data={"collection_id": made.json()["id"]},
            files={"file": (f"{name}.txt", b"Nobody knows yet.", "text/plain")},
        )
    async with services.database.tenant(owner.tenant.id) as session:
        for asker in (owner.id, member.id):
            await enqueue(session, "test.work", Subject("turn", new_id(), str(asker)), requested_by=asker)
    everything = (await owner.client.get("/api/v1/jobs")).json()["data"]
    seen = (await member.client.get("/api/v1/jobs")).json()["data"]
    assert len(everything) == 4
    assert {job["subject"]["name"] for job in seen} == {"Open.txt", str(member.id)}
    for job in everything:
        answer = await member.client.get(f"/api/v1/jobs/{job['id']}")
        assert answer.status_code == (200 if job in seen else 404)


async def test_cancelling_a_job_that_waits_wakes_it_at_once(services: Services, owner: Person) -> None:
    async with services.database.tenant(owner.tenant.id) as session:
        job_id: UUID = await enqueue(session, "test.work", Subject("thing", new_id()))
        await repository.wake_at(session, job_id, now() + timedelta(minutes=1))
    assert (await owner.client.post(f"/api/v1/jobs/{job_id}/cancel")).json()["cancel_requested"]
    async with services.database.tenant(owner.tenant.id) as session:
        outbox = await session.get_one(Outbox, (owner.tenant.id, job_id))
    assert outbox.due_at <= now()
