"""Two tabs, a worker and an administrator at the same time: whoever comes second finds what the first has left."""

import asyncio
import dataclasses
import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from secretariat.agents.conversation.core import TurnStarted
from secretariat.agents.core import OutputDelta
from secretariat.agents.memory.summary import SummaryLine
from secretariat.models.errors import ModelError
from secretariat.models.remote import RemoteModels
from secretariat.platform.conversations import deletion, memory, repository
from secretariat.platform.kit.times import now
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.identity import User
from secretariat.platform.tables.jobs import Outbox
from tests.platform.conversations.steps import begin, carry_out, quoting, read_turn, said, say
from tests.platform.documents import steps as documents
from tests.support.app import NO_MODELS
from tests.support.factories import as_caller, make_person

SECRET = "The vault opens with 7-7-3-1."
AWHILE = 0.3  # long enough for the second to stand and wait


async def stored(services, person) -> list[bytes]:
    async with services.database.tenant(person.tenant.id) as session:
        ids = list(await session.scalars(select(Content.id)))
        return list((await services.contents.get_many(session, ids)).values())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/turns", {"text": SECRET}),
        ("PATCH", "", {"title": SECRET}),
        ("POST", "/turns/{turn}/feedback", {"thumb": "down", "comment": SECRET}),
        ("POST", "/turns/{turn}/regenerate", None),
        ("POST", "/shares", {"principal": "everyone"}),
    ],
)
async def test_nothing_is_added_to_a_conversation_that_is_being_deleted(services, owner, method, path, body):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}"
    async with services.database.tenant(owner.tenant.id) as session:
        await deletion.delete(session, services.contents, as_caller(owner.user), UUID(conversation))
        late = asyncio.ensure_future(
            owner.client.request(method, url + path.format(turn=turn["id"]), json=body)
        )
        await asyncio.sleep(AWHILE)
    assert (await late).status_code == 404
    assert SECRET.encode() not in b"".join(await stored(services, owner))
    assert (await owner.client.get(f"{url}/deletion")).json()["verified"]


async def test_the_next_thing_can_be_said_while_the_one_before_is_being_remembered(services, owner):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    async with services.database.tenant(owner.tenant.id) as session:
        row = await repository.locked_turn(session, UUID(turn["id"]))
        assert row is not None
        following = asyncio.ensure_future(say(owner, conversation, "My desk is in room 4."))
        await asyncio.sleep(AWHILE)
        await memory.keep(session, row, [(0, 7, b"\0" * 256)])
    assert (await following)["parent_id"] == turn["id"]


async def test_what_a_worker_remembers_meanwhile_is_deleted_too(services, owner):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}"
    async with services.database.tenant(owner.tenant.id) as session:
        row = await repository.locked_turn(session, UUID(turn["id"]))
        assert row is not None
        await memory.summarise(session, services.contents, row, [SummaryLine(row.id, SECRET)])
        deleting = asyncio.ensure_future(owner.client.delete(url))
        await asyncio.sleep(AWHILE)
    proof = await deleting
    assert proof.status_code == 200, proof.text
    assert proof.json()["verified"]
    assert SECRET.encode() not in b"".join(await stored(services, owner))


async def test_an_answer_is_not_asked_for_anew_while_one_is_being_written(services, owner):
    collection = await documents.make_collection(owner)
    document = (await documents.ingested(services, owner, collection))["id"]
    conversation = await begin(owner)
    first = await said(services, owner, conversation, "How much leave?", quoting(document))
    url = f"/api/v1/conversations/{conversation}/turns"
    again = (await owner.client.post(f"{url}/{first['id']}/regenerate")).json()
    for turn in (first, again):
        refused = await owner.client.post(f"{url}/{turn['id']}/regenerate")
        assert (refused.status_code, refused.json()["code"]) == (409, "TURN_RUNNING")
    await carry_out(services, owner, again, quoting(document))
    third = await owner.client.post(f"{url}/{again['id']}/regenerate")
    assert (third.status_code, third.json()["regenerates"]) == (202, first["id"])


async def unending(turn, context):
    """An answer that has begun to appear and doesn't go on."""
    yield TurnStarted(text=turn.text)
    yield OutputDelta(step="s1", text="Twenty-eight")
    await asyncio.sleep(60)


async def begun(services, person, conversation) -> tuple[dict[str, Any], "asyncio.Future[None]"]:
    turn = await say(person, conversation, "How much leave?")
    working = asyncio.ensure_future(carry_out(services, person, turn, unending))
    until = time.monotonic() + 10
    while (await read_turn(person, conversation, turn["id"]))["status"] != "running":
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return turn, working


async def test_a_stop_amid_an_answer_takes_a_second_and_keeps_what_was_said(services, owner):
    conversation = await begin(owner)
    turn, working = await begun(services, owner, conversation)
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}"
    began = time.monotonic()
    assert (await owner.client.post(f"{url}/stop")).json()["stop_requested"]
    await asyncio.wait_for(working, 1.5)
    assert time.monotonic() - began < 1.5
    assert (await read_turn(owner, conversation, turn["id"]))["status"] == "stopped"
    events = (await owner.client.get(f"{url}/events", headers={"accept": "application/json"})).json()["data"]
    assert [event["type"] for event in events] == ["turn.started", "step.output.delta", "turn.stopped"]
    assert (await say(owner, conversation, "And then?"))["parent_id"] == turn["id"]


async def test_the_answer_to_somebody_who_is_disabled_ends_within_a_second(app, services, tenant, owner):
    guest = await make_person(app, services, tenant, "member")
    conversation = await begin(guest)
    turn, working = await begun(services, guest, conversation)
    async with services.database.tenant(tenant.id) as session:
        await session.execute(update(User).where(User.id == guest.id).values(status="disabled"))
    await asyncio.wait_for(working, 1.5)
    async with services.database.tenant(tenant.id) as session:
        found = await repository.turn(session, UUID(conversation), UUID(turn["id"]))
    assert found is not None
    assert (found.status, (found.error or {})["code"]) == ("failed", "user_disabled")
    await guest.client.aclose()


async def test_whoever_loses_a_share_hears_nothing_more_within_a_second(app, services, owner, tenant):
    conversation = await begin(owner)
    turn = await say(owner, conversation, "How much leave?")
    guest = await make_person(app, services, tenant, "member")
    url = f"/api/v1/conversations/{conversation}"
    share = (await owner.client.post(f"{url}/shares", json={"principal": f"user:{guest.id}"})).json()
    listening = asyncio.ensure_future(guest.client.get(f"{url}/turns/{turn['id']}/events"))
    await asyncio.sleep(AWHILE)
    assert not listening.done()
    assert (await owner.client.delete(f"{url}/shares/{share['id']}")).status_code == 204
    heard = await asyncio.wait_for(listening, 1.0)
    assert "data:" not in heard.text
    await guest.client.aclose()


async def away(turn, context):
    yield TurnStarted(text=turn.text)
    raise ModelError("unreachable", "away", retryable=True)


async def test_a_stop_reaches_a_turn_that_waits_for_a_model_to_come_back(services, owner):
    """Its job sleeps after a failed attempt, and what it would do first takes the model, too."""
    conversation = await begin(owner)
    await stopped(owner, conversation, await say(owner, conversation, "My desk is in room 4."))
    turn = await say(owner, conversation, "How much leave?")
    await carry_out(services, owner, turn, away)
    assert (await stopped(owner, conversation, turn))["status"] == "running"
    async with services.database.tenant(owner.tenant.id) as session:
        row = await repository.turn(session, UUID(conversation), UUID(turn["id"]))
        assert row is not None
        woken = await session.get_one(Outbox, (owner.tenant.id, row.job_id))
    assert woken.due_at <= now()
    without = dataclasses.replace(services, models=RemoteModels(NO_MODELS, "none"))
    await carry_out(without, owner, turn, away)
    await without.models.aclose()
    assert (await read_turn(owner, conversation, turn["id"]))["status"] == "stopped"


async def stopped(person, conversation, turn) -> dict[str, Any]:
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}/stop"
    return dict((await person.client.post(url)).json())
