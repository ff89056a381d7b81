"""Summaries stand on their document, also after it is closed; translations that lose something say so."""

from uuid import UUID

from sqlalchemy import select

from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.conversations import WorkRow
from secretariat.platform.works import jobs
from tests.platform.documents import steps as documents
from tests.support.factories import make_person


async def carried_out(services, person, asked):
    """The work as its asker reads it, once a worker has been woken for it."""
    assert asked.status_code == 202, asked.text
    work_id = asked.json()["id"]
    async with services.database.tenant(person.tenant.id) as session:
        row = await session.get_one(WorkRow, (person.tenant.id, UUID(work_id)))
    assert row.job_id is not None
    runner = Runner(services, {"works.carry_out": Handler(jobs.carry_out, jobs.on_quarantine)})
    await runner.carry_out(person.tenant.id, row.job_id)
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
        actions = [row.event_type for row in records if row.resource and row.resource["id"] == work["id"]]
    assert actions == ["TASK", "TOOL_CALL", "DATA_ACCESS", "TOOL_CALL"]
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
    assert (work["status"], work["error"]["code"]) == ("failed", "tool_failed")


async def test_a_translation_without_its_number_is_flagged(services, owner):
    """The double of the model answers with something else."""
    body = {"text": "The fee is 12 florins. It is due on Monday.", "language": "German"}
    work = await carried_out(services, owner, await owner.client.post("/api/v1/translate", json=body))
    assert work["status"] == "completed"
    places = [(each["start"], each["end"], each["checked"]) for each in work["result"]["sentences"]]
    assert places == [(0, 22, False), (23, 43, False)]
