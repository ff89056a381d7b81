"""Judged answers become examples: of documents that the trainer may read, and only until their words go."""

from uuid import UUID

from sqlalchemy import select

from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.training import AdapterRow, TrainingExampleRow
from tests.platform.conversations.steps import QUOTE, begin, quoting, said
from tests.platform.documents import steps as documents
from tests.support.factories import make_person

CORRECTION = "Twenty-nine days, since the spring."


async def judged(services, person, document, *thumbs):
    """A conversation with a judged answer for each of the thumbs; its id and those of its turns."""
    conversation, turns = await begin(person), []
    for number, thumb in enumerate(thumbs, 1):
        question = f"How much leave in year {number}?"
        turn = await said(services, person, conversation, question, loop=quoting(document))
        url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}/feedback"
        words = {"correction": CORRECTION} if thumb == "down" else {}
        assert (await person.client.post(url, json={"thumb": thumb, **words})).status_code == 200
        turns.append(turn["id"])
    return conversation, turns


async def train(services, person, **more):
    (services.settings.models_dir / "tiny").mkdir(parents=True, exist_ok=True)
    body = {"name": "Leave", "model": "tiny", **more}
    return await person.client.post("/api/v1/training-jobs", json=body)


async def learnt(services, person, job_id):
    """The examples of a job with their words."""
    async with services.database.tenant(person.tenant.id) as session:
        query = select(TrainingExampleRow).where(TrainingExampleRow.training_job_id == UUID(job_id))
        rows = list(await session.scalars(query.order_by(TrainingExampleRow.ordinal)))
        return [(row, await services.contents.json(session, row.content_id)) for row in rows]


async def lineage(person, job_id):
    answer = await person.client.get(f"/api/v1/training-jobs/{job_id}/examples")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_answers_are_learnt_as_they_were_judged_and_go_with_their_conversation(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    conversation, turns = await judged(services, owner, document, "up", "down", "down")
    chats = await train(services, owner, feedback=True)
    assert chats.status_code == 202, chats.text
    found = await learnt(services, owner, chats.json()["id"])
    assert [record["messages"][-1]["content"] for _, record in found] == [QUOTE, CORRECTION, CORRECTION]
    assert [str(row.turn_id) for row, _ in found] == turns
    assert all(row.person_ids == [owner.id] for row, _ in found)
    pairs = await train(services, owner, feedback=True, recipe="dpo")
    told = [record for _, record in await learnt(services, owner, pairs.json()["id"])]
    assert [(one["chosen"], one["rejected"]) for one in told] == [(CORRECTION, QUOTE)] * 2
    async with services.database.tenant(owner.tenant.id) as session:
        adapter = AdapterRow(
            tenant_id=owner.tenant.id,
            training_job_id=UUID(chats.json()["id"]),
            name="Leave",
            recipe="sft",
            model="tiny",
            kind="lora",
            digest="0" * 64,
            size=1,
            status="passed",
            created_by=owner.id,
        )
        session.add(adapter)

    again = f"/api/v1/conversations/{conversation}/turns/{turns[0]}/feedback"
    assert (await owner.client.post(again, json={"thumb": "down"})).status_code == 200
    assert [bool(one["erased_at"]) for one in await lineage(owner, chats.json()["id"])] == [
        True,
        False,
        False,
    ]
    proof = (await owner.client.delete(f"/api/v1/conversations/{conversation}")).json()
    assert (proof["verified"], proof["remaining"]) == (True, 0)
    for job in (chats, pairs):
        assert all(one["erased_at"] for one in await lineage(owner, job.json()["id"]))
    marked = (await owner.client.get(f"/api/v1/adapters/{adapter.id}")).json()
    assert marked["retraining"]["erased"] == chats.json()["examples"] == 2
    async with services.database.tenant(owner.tenant.id) as session:
        words = await services.contents.get_many(session, list(await session.scalars(select(Content.id))))
    assert not [one for one in words.values() if CORRECTION.encode() in one]


async def test_what_the_trainer_may_not_read_is_not_learnt(app, services, owner, tenant):
    collection = await documents.make_collection(owner, "Private", private=True)
    document = (await documents.ingested(services, owner, collection))["id"]
    await judged(services, owner, document, "up", "down")
    admin = await make_person(app, services, tenant, "admin")
    refused = await train(services, admin, feedback=True)
    assert (refused.status_code, refused.json()["code"]) == (422, "NOTHING_TO_LEARN")
    assert (await train(services, admin, document_ids=[document])).status_code == 404
    member = await make_person(app, services, tenant, "member")
    assert (await train(services, member, feedback=True)).status_code == 403
    for person in (admin, member):
        await person.client.aclose()


async def test_a_document_that_is_deleted_is_not_learnt_from_any_more(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    other = (await documents.ingested(services, owner, collection, data=b"# Tickets", name="t.md"))["id"]
    job = await train(services, owner, document_ids=[document, other])
    assert job.status_code == 202, job.text
    assert (await owner.client.delete(f"/api/v1/documents/{document}")).status_code == 204
    gone = {one["document_id"]: bool(one["erased_at"]) for one in await lineage(owner, job.json()["id"])}
    assert gone == {document: True, other: False}
