"""What was said is gone for good, and the log proves that it was and that it is."""

import hashlib
from uuid import UUID

from sqlalchemy import select

from secretariat.platform.tables.contents import Content
from tests.platform.conversations.steps import begin, read_turns, records_about, said, say

SECRET = "The vault opens with 7-7-3-1."


async def test_deleted_words_are_gone_and_every_commitment_on_record_is_in_the_proof(services, owner):
    conversation = await begin(owner, title=SECRET)
    told = await said(services, owner, conversation, SECRET)
    thanks = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}"
    await owner.client.post(f"{url}/turns/{told['id']}/feedback", json={"thumb": "down", "comment": SECRET})
    answer = await owner.client.delete(url)
    assert answer.status_code == 200, answer.text
    proof = answer.json()
    assert (proof["verified"], proof["remaining"], proof["turns"]) == (True, 0, 2)
    commitments = [each["commitment"] for each in proof["forgotten"]]
    digest = hashlib.sha256("\n".join(sorted(commitments)).encode()).hexdigest()
    assert digest == proof["commitments_sha256"]
    records = await records_about(services, owner, conversation, told["id"], thanks["id"])
    named = {ref["commitment"] for record in records for ref in record.content}
    assert named, "records of the turns refer to their words"
    assert named <= set(commitments)
    (sealed,) = [record for record in records if record.action == "conversation.deleted"]
    assert (str(sealed.id), sealed.event_type) == (proof["record_id"], "ERASURE")
    assert sealed.details["commitments_sha256"] == digest
    async with services.database.tenant(owner.tenant.id) as session:
        refs = [UUID(each["ref"]) for each in proof["forgotten"]]
        assert (await session.scalars(select(Content).where(Content.id.in_(refs)))).all() == []
    assert (await owner.client.get(url)).status_code == 404
    assert (await owner.client.get(f"{url}/deletion")).json() == proof


async def test_no_word_of_it_is_stored_anywhere_else(services, owner):
    """Also not in the answers that are kept for repeated requests."""
    headers = {"Idempotency-Key": "once"}
    made = await owner.client.post("/api/v1/conversations", json={"title": SECRET}, headers=headers)
    url = f"/api/v1/conversations/{made.json()['id']}"
    await owner.client.post(f"{url}/turns", json={"text": SECRET}, headers=headers)
    turn = (await read_turns(owner, made.json()["id"]))["data"][0]
    await owner.client.post(f"{url}/turns/{turn['id']}/stop")
    assert (await owner.client.delete(url)).status_code == 200
    async with services.database.tenant(owner.tenant.id) as session:
        ids = list(await session.scalars(select(Content.id)))
        words = await services.contents.get_many(session, ids)
    assert not [one for one, payload in words.items() if b"7-7-3-1" in payload]


async def test_what_is_still_being_answered_is_not_deleted_under_it(owner):
    conversation = await begin(owner)
    turn = await say(owner, conversation, "How much leave?")
    url = f"/api/v1/conversations/{conversation}"
    assert (await owner.client.delete(url)).json()["code"] == "TURN_RUNNING"
    assert (await owner.client.get(f"{url}/deletion")).json()["code"] == "NOT_DELETED"
    await owner.client.post(f"{url}/turns/{turn['id']}/stop")
    assert (await owner.client.delete(url)).status_code == 200


async def test_words_that_were_replaced_before_are_in_the_proof_too(services, owner):
    """The record of a judgement names its words; they went when a later judgement took their place."""
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}"
    for comment in (SECRET, "Never mind.", None):
        judged = {"thumb": "down", "comment": comment}
        assert (await owner.client.post(f"{url}/turns/{turn['id']}/feedback", json=judged)).status_code == 200
    proof = (await owner.client.delete(url)).json()
    assert proof["verified"]
    records = await records_about(services, owner, turn["id"])
    named = {ref["commitment"] for record in records for ref in record.content}
    assert named <= {each["commitment"] for each in proof["forgotten"]}
