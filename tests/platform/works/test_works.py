"""Summaries stand on their document, also after it is closed; translations that lose something say so."""

import asyncio
import dataclasses
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.times import now
from secretariat.platform.tables.access import RoleAssignment
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.conversations import WorkRow
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.jobs import Job
from secretariat.platform.works import jobs, service
from tests.platform.documents import steps as documents
from tests.support.factories import as_caller, make_person


def runner_of(services):
    return Runner(services, {"works.carry_out": Handler(jobs.carry_out, jobs.on_quarantine)})


async def carried_out(services, person, asked):
    """The work as its asker reads it, once a worker has been woken for it."""
    assert asked.status_code == 202, asked.text
    work_id = asked.json()["id"]
    async with services.database.tenant(person.tenant.id) as session:
        row = await session.get_one(WorkRow, (person.tenant.id, UUID(work_id)))
    assert row.job_id is not None
    await runner_of(services).carry_out(person.tenant.id, row.job_id)
    return (await person.client.get(f"/api/v1/works/{work_id}", params={"wait": 1})).json()


async def test_every_sentence_of_a_summary_stands_in_the_document_where_it_says(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    url = f"/api/v1/documents/{document}"
    work = await carried_out(
        services, owner, await owner.client.post(f"{url}/summary", json={"sentences": 2})
    )
    assert work["status"] == "completed", work
    text = (await owner.client.get(f"{url}/text")).json()["text"]
    assert len(work["result"]["sentences"]) == 2
    for sentence in work["result"]["sentences"]:
        cited = sentence["citation"]
        assert sentence["supported"]
        assert text[cited["start"] : cited["end"]] == cited["quote"]
    async with services.database.tenant(owner.tenant.id) as session:
        records = await session.scalars(select(AuditRecord).order_by(AuditRecord.id))
        about = [row for row in records if row.resource and row.resource["id"] == work["id"]]
    assert [row.event_type for row in about] == ["TASK", "TOOL_CALL", "DATA_ACCESS", "TOOL_CALL"]
    assert all(each["rule"] for each in about[2].details["returned"])
    assert (await owner.client.delete(url)).status_code == 204
    later = (await owner.client.get(f"/api/v1/works/{work['id']}")).json()
    assert (later["withheld"], later["result"]) == (True, None)


async def test_nobody_summarises_what_they_may_not_read_nor_reads_others_works(app, services, owner, tenant):
    collection = await documents.make_collection(owner, "Private", private=True)
    document = (await documents.ingested(services, owner, collection))["id"]
    guest = await make_person(app, services, tenant, "member")
    url = f"/api/v1/documents/{document}/summary"
    assert (await guest.client.post(url, json={})).status_code == 404
    asked = await owner.client.post(url, json={})
    assert (await guest.client.get(f"/api/v1/works/{asked.json()['id']}")).status_code == 404
    await guest.client.aclose()


async def test_a_document_that_was_closed_meanwhile_is_not_read(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    asked = await owner.client.post(f"/api/v1/documents/{document}/summary", json={})
    assert (await owner.client.delete(f"/api/v1/documents/{document}")).status_code == 204
    work = await carried_out(services, owner, asked)
    assert (work["status"], work["error"]["code"]) == ("failed", "document_closed")
    jobs_ = (await owner.client.get("/api/v1/jobs")).json()["data"]
    job_id = next(job["id"] for job in jobs_ if job["status"] == "failed")
    retried = await owner.client.post(f"/api/v1/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["detail"]) == (
        409,
        "The work has ended. Ask for it again instead.",
    )


async def test_a_translation_without_its_number_is_flagged(services, owner):
    """The double of the model answers with something else."""
    body = {"text": "The fee is 12 florins. It is due on Monday.", "language": "German"}
    work = await carried_out(services, owner, await owner.client.post("/api/v1/translate", json=body))
    assert work["status"] == "completed"
    places = [(each["start"], each["end"], each["checked"]) for each in work["result"]["sentences"]]
    assert places == [(0, 22, False), (23, 43, False)]


async def test_each_text_gets_all_labels_the_most_probable_first(services, owner):
    body = {"texts": ["An invoice for paint", "A complaint"], "labels": ["complaint", "invoice", "praise"]}
    work = await carried_out(services, owner, await owner.client.post("/api/v1/classify", json=body))
    assert work["status"] == "completed", work
    first, second = work["result"]["results"]
    assert [scores[0]["label"] for scores in (first, second)] == ["invoice", "complaint"]
    assert {score["label"] for score in first} == set(body["labels"])
    assert sum(score["probability"] for score in first) == pytest.approx(1)


async def lose_sign_in(services, person, _job):
    async with services.database.tenant(person.tenant.id) as session:
        await session.execute(update(User).where(User.id == person.id).values(status="disabled"))


async def lose_roles(services, person, _job):
    async with services.database.tenant(person.tenant.id) as session:
        await session.execute(delete(RoleAssignment).where(RoleAssignment.user_id == person.id))


async def lose_the_job(services, person, job_id):
    async with services.database.tenant(person.tenant.id) as session:
        await session.execute(update(Job).where(Job.id == job_id).values(cancel_requested_at=now()))


@pytest.mark.parametrize(
    ("lose", "code", "job_status"),
    [
        (lose_sign_in, "user_disabled", "failed"),
        (lose_roles, "asker_not_allowed", "failed"),
        (lose_the_job, "cancelled", "cancelled"),
    ],
)
async def test_a_work_ends_within_a_second_once_it_may_not_go_on(
    app, services, tenant, model_server, lose, code, job_status
):
    """Amid a call to the model, too."""
    guest = await make_person(app, services, tenant, "member")
    model_server.release.clear()
    asked = await guest.client.post("/api/v1/translate", json={"text": "A fee of 12.", "language": "German"})
    async with services.database.tenant(tenant.id) as session:
        row = await session.get_one(WorkRow, (tenant.id, UUID(asked.json()["id"])))
    working = asyncio.ensure_future(runner_of(services).carry_out(tenant.id, row.job_id))
    while not model_server.headers:  # until the model has been asked
        await asyncio.sleep(0.02)
    await lose(services, guest, row.job_id)
    await asyncio.wait_for(working, 1.5)
    model_server.release.set()
    async with services.database.tenant(tenant.id) as session:
        ended = await session.get_one(WorkRow, (tenant.id, row.id))
        job = await session.get_one(Job, (tenant.id, row.job_id))
    assert ended.error is not None
    assert (ended.status, ended.error["code"], ended.result_id) == ("failed", code, None)
    assert job.status == job_status
    await guest.client.aclose()


async def test_a_document_that_is_closed_amid_its_summary_is_summarised_no_further(
    services, owner, model_server
):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    model_server.release.clear()
    url = f"/api/v1/documents/{document}"
    asked = await owner.client.post(f"{url}/summary", json={"rewrite": True})
    working = asyncio.ensure_future(carried_out(services, owner, asked))
    while not model_server.headers:
        await asyncio.sleep(0.02)
    assert (await owner.client.delete(url)).status_code == 204
    work = await asyncio.wait_for(working, 2)
    model_server.release.set()
    assert (work["status"], work["error"]["code"], work["withheld"]) == ("failed", "document_closed", True)


async def test_too_long_a_text_is_refused_before_anything_is_done(owner):
    body = {"text": "It is paid. " * 201, "language": "German"}
    refused = await owner.client.post("/api/v1/translate", json=body)
    assert refused.status_code == 422
    assert "200 sentences" in refused.text


async def test_a_summary_takes_both_rights_and_shows_to_who_may_read_documents(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    url = f"/api/v1/documents/{document}/summary"
    work = await carried_out(services, owner, await owner.client.post(url, json={}))
    async with services.database.tenant(owner.tenant.id) as session:
        row = await session.get_one(WorkRow, (owner.tenant.id, UUID(work["id"])))
        caller = as_caller(owner.user)
        narrow = dataclasses.replace(caller, permissions=caller.permissions - {"documents.read"})
        seen = [await service.shown(session, services.contents, one, row) for one in (caller, narrow)]
    assert [(one.withheld, one.result is None) for one in seen] == [(False, False), (True, True)]
