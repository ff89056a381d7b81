"""An adapter that learnt from what is erased stops answering at once, and nothing is missed on the way."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from secretariat.platform.adapters.erasure import erase
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.training import AdapterRow, TrainingExampleRow
from secretariat.platform.training import service
from secretariat.platform.training.schemas import TrainingRequest
from tests.platform.documents.steps import audited
from tests.platform.training import steps
from tests.support.factories import as_caller


async def passed(services, person, job: dict[str, Any]) -> str:
    """An adapter of the job that passed its gate; nobody asks it here, so it has no weights."""
    row = AdapterRow(
        tenant_id=person.tenant.id,
        id=new_id(),
        training_job_id=UUID(job["id"]),
        name="Speller",
        recipe="sft",
        model="tiny",
        kind="lora",
        digest="0" * 64,
        size=1,
        status="passed",
        created_by=person.id,
    )
    async with services.database.tenant(person.tenant.id) as session:
        session.add(row)
    return str(row.id)


@pytest.mark.parametrize("decided", ["unpublish", "keep"])
async def test_an_adapter_answers_on_only_if_an_administrator_decided_so(services, owner, decided):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    adapter = await passed(services, owner, await steps.start(owner, upload_id=upload))
    url = f"/api/v1/adapters/{adapter}"
    assert (await owner.client.get(url)).json()["after_erasure"] == "unpublish"
    assistant = (await owner.client.post("/api/v1/assistants", json={"name": "Clerk"})).json()["id"]
    await owner.client.post(f"{url}/publish", json={"assistant_id": assistant})
    if decided == "keep":
        assert (await owner.client.patch(url, json={"after_erasure": "keep"})).status_code == 200
    assert (await owner.client.delete(f"/api/v1/training-uploads/{upload}")).status_code == 204
    marked = (await owner.client.get(url)).json()
    answers_with = (await owner.client.get(f"/api/v1/assistants/{assistant}")).json()["adapter_id"]
    assert marked["retraining"]["erased"] == 6
    assert (answers_with, len(marked["published_for"])) == ((adapter, 1) if decided == "keep" else (None, 0))
    told = [each["details"] for each in await audited(services, owner, "adapter.withdrawn")]
    withdrawn = {"assistant_id": assistant, "because": "examples_erased"}
    assert told == ([] if decided == "keep" else [withdrawn])


async def test_what_was_only_measured_with_leaves_nothing_in_an_adapter(services, owner):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    adapter = await passed(services, owner, await steps.start(owner, upload_id=upload))
    async with services.database.tenant(owner.tenant.id) as session:
        caller = as_caller(await session.get_one(User, (owner.tenant.id, owner.id)))
        erased = await erase(session, caller, TrainingExampleRow.held_out.is_(True))
    assert (erased.examples, erased.adapters) == (6, ())
    assert (await steps.shown(owner, f"adapters/{adapter}"))["retraining"] is None


async def test_what_is_gathered_while_it_is_erased_does_not_stay(services, owner):
    """An upload is deleted while a job that learns from it has yet to be committed."""
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    async with services.database.tenant(owner.tenant.id) as session:
        caller = as_caller(await session.get_one(User, (owner.tenant.id, owner.id)))
        wanted = TrainingRequest(name="Late", model="tiny", upload_id=UUID(upload))
        job = await service.start(session, services, caller, wanted)
        deletion = asyncio.ensure_future(owner.client.delete(f"/api/v1/training-uploads/{upload}"))
        await asyncio.sleep(0.3)
    assert (await deletion).status_code == 204
    examples = (await steps.shown(owner, f"training-jobs/{job.id}/examples"))["data"]
    assert [bool(one["erased_at"]) for one in examples] == [True] * 12


async def test_a_gate_is_not_passed_with_questions_that_were_learnt(services, owner):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    job = await steps.start(owner, upload_id=upload)
    adapter = await passed(services, owner, job)
    url = f"/api/v1/adapters/{adapter}/evaluations"
    asked = [{"question": question.upper(), "answer": answer} for question, answer in steps.PAIRS]
    refused = await owner.client.post(url, json={"questions": [{"question": "new", "answer": "x"}, *asked]})
    assert (refused.status_code, refused.json()["code"]) == (422, "QUESTIONS_LEARNT")
    learnt = {int(each["pointer"].split("/")[-1]) - 1 for each in refused.json()["errors"]}
    examples = (await steps.shown(owner, f"training-jobs/{job['id']}/examples"))["data"]
    assert learnt == {each["ordinal"] for each in examples if not each["held_out"]}
    fresh = [each for number, each in enumerate(asked) if number not in learnt]
    assert (await owner.client.post(url, json={"questions": fresh})).status_code == 202
    async with services.database.tenant(owner.tenant.id) as session:
        assert len(list(await session.scalars(select(AdapterRow)))) == 1
