"""Documents are read by who may read documents, also through a conversation; whoever reads along is on record."""

import pytest

from secretariat.agents.conversation.core import Cost, RouteChosen, TurnFailed
from secretariat.platform.access.permissions import BUILTIN_ROLES
from secretariat.platform.conversations.export import _escaped
from secretariat.platform.conversations.withhold import without
from tests.platform.conversations.steps import QUOTE, begin, quoting, records_about, said
from tests.platform.documents import steps as documents
from tests.support.app import BASE_URL
from tests.support.factories import browser, make_person

AS_JSON = {"accept": "application/json"}


async def leave(services, person, **more) -> tuple[str, str]:
    """A turn that quotes a document: (conversation, turn)."""
    collection = await documents.make_collection(person, **more)
    document = (await documents.ingested(services, person, collection))["id"]
    conversation = await begin(person)
    turn = await said(services, person, conversation, "How much leave?", quoting(document))
    return conversation, turn["id"]


async def test_a_key_that_reads_no_documents_has_none_read_to_it(app, services, owner):
    conversation, turn = await leave(services, owner)
    made = await owner.client.post(
        "/api/v1/keys",
        json={"name": "Bot", "permissions": ["conversations.read", "conversations.write", "tasks.write"]},
    )
    assert made.status_code == 201, made.text
    url = f"/api/v1/conversations/{conversation}"
    async with browser(app) as bot:
        bot.headers["authorization"] = f"Bearer {made.json()['secret']}"
        for path, body in (
            (f"{url}/turns", {"text": "How much leave?"}),
            (f"{url}/turns/{turn}/regenerate", None),
            ("/api/v1/tasks", {"request": "How much leave?"}),
        ):
            refused = await bot.post(BASE_URL + path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_MISSING"), path
        for path in (f"{url}/turns", f"{url}/turns/{turn}", f"{url}/turns/{turn}/events", f"{url}/export"):
            seen = await bot.get(path, headers=AS_JSON)
            assert seen.status_code == 200
            assert QUOTE not in seen.text, path


async def test_who_may_read_documents_no_more_reads_them_in_no_old_turn(app, services, tenant):
    """The grants still open the document to everyone."""
    person = await make_person(app, services, tenant, "member")
    made = await make_person(app, services, tenant, "owner")
    collection = await documents.make_collection(made)
    document = (await documents.ingested(services, made, collection))["id"]
    conversation = await begin(person)
    turn = (await said(services, person, conversation, "How much leave?", quoting(document)))["id"]
    url = f"/api/v1/conversations/{conversation}"
    assert QUOTE in (await person.client.get(f"{url}/turns")).text
    talking = sorted(BUILTIN_ROLES["member"] - {"documents.read"})
    body = {"name": "Talker", "permissions": talking}
    role = await made.client.post("/api/v1/roles", json=body)
    assert role.status_code == 201, role.text
    given = await made.client.patch(f"/api/v1/users/{person.id}", json={"roles": ["Talker"]})
    assert given.status_code == 200, given.text
    for path in (f"{url}/turns", f"{url}/turns/{turn}/events", f"{url}/export"):
        seen = await person.client.get(path, headers=AS_JSON)
        assert seen.status_code == 200
        assert QUOTE not in seen.text, path


async def test_a_look_at_a_shared_conversation_is_on_record(app, services, owner, tenant):
    conversation, turn = await leave(services, owner)
    guest = await make_person(app, services, tenant, "member")
    url = f"/api/v1/conversations/{conversation}"
    await owner.client.post(f"{url}/shares", json={"principal": f"user:{guest.id}"})
    for person in (owner, guest):
        for path in (f"{url}/turns", f"{url}/turns/{turn}", f"{url}/turns/{turn}/events"):
            assert QUOTE in (await person.client.get(path, headers=AS_JSON)).text
    looks = [row for row in await records_about(services, owner, conversation) if row.action.endswith("read")]
    assert [row.event_type for row in looks] == ["DATA_ACCESS"] * 3
    assert {row.actor["id"] for row in looks} == {str(guest.id)}
    assert all(row.details["turns"] == [turn] for row in looks)
    assert all(len(row.details["document_ids"]) == 1 for row in looks)


def test_what_a_route_would_have_cost_tells_nothing_of_closed_documents(tenant):
    cost = Cost(tokens=4000, seconds=2.0)
    chosen = RouteChosen(
        route="whole_documents", reason="fits", search=cost, whole_documents=cost, documents=(tenant.id,)
    )
    closed = frozenset({tenant.id})
    left = without(chosen, closed, closed)
    assert isinstance(left, RouteChosen)
    assert (left.documents, left.search, left.whole_documents) == ((), None, None)
    failed = without(TurnFailed(code="tool_failed", message=QUOTE), closed, closed)
    assert QUOTE not in str(failed)


@pytest.mark.parametrize("address", ["https://evil.test/x", "www.evil.test", "HTTP://a.b", "me@evil.test"])
def test_no_address_in_an_export_becomes_a_link(address):
    said_ = _escaped(f"Look at {address} now")
    assert address not in said_
    assert said_.replace("\\", "") == f"Look at {address} now"


async def test_an_assistant_that_answered_stays_until_its_conversation_goes(owner):
    assistant = (await owner.client.post("/api/v1/assistants", json={"name": "Clerk"})).json()["id"]
    conversation = await begin(owner, assistant_id=assistant)
    url = f"/api/v1/assistants/{assistant}"
    assert (await owner.client.delete(url)).json()["code"] == "ASSISTANT_IN_USE"
    assert (await owner.client.delete(f"/api/v1/conversations/{conversation}")).status_code == 200
    assert (await owner.client.delete(url)).status_code == 204
