"""Conversations as their people see them: a tree of turns, shared to read, judged, exported."""

import json
from uuid import UUID

from secretariat.agents.conversation.core import TurnCompleted, TurnStarted
from tests.platform.conversations.steps import (
    QUOTE,
    begin,
    carry_out,
    quoting,
    read,
    read_turn,
    read_turns,
    records_about,
    said,
    say,
)
from tests.platform.documents import steps as documents
from tests.platform.tasks.steps import EVENTS, PASSAGE
from tests.support.factories import make_person

RETRIEVED = EVENTS[6]


async def leave_document(services, person) -> str:
    collection = await documents.make_collection(person, f"Handbook of {person.id}")
    return str((await documents.ingested(services, person, collection))["id"])


async def test_a_conversation_gets_its_title_from_what_is_said_first(services, owner):
    conversation = await begin(owner)
    assert (await read(owner, conversation))["title"] is None
    await say(owner, conversation, "hello, how many days of leave do I get? I am new here.")
    assert (await read(owner, conversation))["title"] == "How many days of leave do I get?"
    given = await begin(owner, title="Mine")
    await say(owner, given, "Anything")
    assert (await read(owner, given))["title"] == "Mine"


async def test_turns_follow_on_the_newest_branch_where_told_and_begin_anew_on_request(services, owner):
    conversation = await begin(owner)
    first = await said(services, owner, conversation, "My desk is in room 4.")
    second = await said(services, owner, conversation, "Thanks!")
    branch = await said(services, owner, conversation, "My desk is in room 5.", parent_id=first["id"])
    anew = await said(services, owner, conversation, "Hello", parent_id=None)
    last = await said(services, owner, conversation, "Thanks!")
    newest = await read_turns(owner, conversation)
    assert [turn["id"] for turn in newest["data"]] == [last["id"], anew["id"]]
    assert [turn["id"] for turn in newest["data"][1]["beside"]] == [first["id"], anew["id"]]
    there = await read_turns(owner, conversation, through=first["id"], limit=1)
    assert ([turn["id"] for turn in there["data"]], there["has_more"]) == ([branch["id"]], True)
    beside = [{"id": one["id"], "regenerates": None} for one in (second, branch)]
    assert there["data"][0]["beside"] == beside
    rest = await read_turns(owner, conversation, after=there["last_id"])
    assert ([turn["id"] for turn in rest["data"]], rest["has_more"]) == ([first["id"]], False)
    other = await begin(owner)
    for asked in ({"through": last["id"]}, {"after": last["id"]}):
        answer = await owner.client.get(f"/api/v1/conversations/{other}/turns", params=asked)
        assert answer.status_code == 404


async def test_nothing_follows_on_a_turn_that_is_still_being_answered(services, owner):
    conversation = await begin(owner)
    turn = await say(owner, conversation, "My desk is in room 4.")
    url = f"/api/v1/conversations/{conversation}/turns"
    early = await owner.client.post(url, json={"text": "And then?"})
    assert (early.status_code, early.json()["code"]) == (409, "TURN_RUNNING")
    stopped = await owner.client.post(f"{url}/{turn['id']}/stop")
    assert stopped.json()["status"] == "stopped"
    assert (await owner.client.post(f"{url}/{turn['id']}/stop")).json()["code"] == "TURN_ENDED"
    await carry_out(services, owner, turn)
    assert (await read_turn(owner, conversation, turn["id"]))["status"] == "stopped"
    assert (await owner.client.post(url, json={"text": "And then?"})).status_code == 202


async def test_small_talk_and_statements_are_answered_without_a_search(services, owner):
    conversation = await begin(owner)
    told = await said(services, owner, conversation, "The launch is on 12 May.")
    assert (told["kind"], told["status"], told["citations"]) == ("telling", "completed", [])
    talk = await said(services, owner, conversation, "Thank you very much!")
    assert (talk["kind"], talk["answer"]) == ("small_talk", "You're welcome.")
    about = await said(services, owner, conversation, "What did we talk about so far?")
    assert about["kind"] == "about_conversation"
    assert "The launch is on 12 May." in about["answer"]


async def test_the_stream_gives_each_event_once_and_goes_on_where_it_was_left(services, owner):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}/events"
    heard = await owner.client.get(url, headers={"accept": "text/event-stream"})
    events = [line[6:] for line in heard.text.splitlines() if line.startswith("event:")]
    names = [name.strip() for name in events]
    assert names == ["turn.started", "question.resolved", "step.output.delta", "turn.completed"]
    rest = await owner.client.get(url, headers={"accept": "text/event-stream", "Last-Event-ID": "3"})
    data = [json.loads(line[5:]) for line in rest.text.splitlines() if line.startswith("data:")]
    assert [(event["seq"], event["type"]) for event in data] == [(4, "turn.completed")]
    over = await owner.client.get(url, headers={"accept": "text/event-stream", "Last-Event-ID": "4"})
    assert "data:" not in over.text


async def test_another_answer_stands_beside_the_first(services, owner):
    conversation, document = await begin(owner), await leave_document(services, owner)
    first = await said(services, owner, conversation, "How much leave?", quoting(document))
    url = f"/api/v1/conversations/{conversation}/turns/{first['id']}/regenerate"
    again = (await owner.client.post(url)).json()
    assert (again["regenerates"], again["parent_id"], again["text"]) == (first["id"], None, first["text"])
    given = []

    async def loop(turn, context):
        given.append(turn.given)
        async for event in quoting(document)(turn, context):
            yield event

    await carry_out(services, owner, again, loop)
    assert given == [frozenset({QUOTE})]


async def test_a_share_opens_reading_and_a_deny_closes_it_again(app, services, owner, tenant):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "The launch is on 12 May.")
    guest = await make_person(app, services, tenant, "member")
    url = f"/api/v1/conversations/{conversation}"
    assert (await guest.client.get(url)).status_code == 404
    share = await owner.client.post(f"{url}/shares", json={"principal": "everyone"})
    assert share.status_code == 201
    assert (await read(guest, conversation))["own"] is False
    (shared,) = (await read_turns(guest, conversation))["data"]
    assert shared["text"] == "The launch is on 12 May."
    listed = (await guest.client.get("/api/v1/conversations", params={"shared": True})).json()["data"]
    assert [each["id"] for each in listed] == [conversation]
    assert (await guest.client.get("/api/v1/conversations")).json()["data"] == []
    for method, path, body in (
        ("POST", "/turns", {"text": "May I?"}),
        ("POST", f"/turns/{turn['id']}/regenerate", None),
        ("POST", "/shares", {"principal": f"user:{guest.id}"}),
        ("PATCH", "", {"title": "Ours"}),
        ("DELETE", "", None),
    ):
        answer = await guest.client.request(method, url + path, json=body)
        assert answer.status_code == 404, path
    closed = {"principal": f"user:{guest.id}", "effect": "deny"}
    assert (await owner.client.post(f"{url}/shares", json=closed)).status_code == 201
    for path in (url, f"{url}/turns", f"{url}/turns/{turn['id']}/events"):
        assert (await guest.client.get(path)).status_code == 404, path
    await guest.client.aclose()


async def test_a_share_does_not_open_the_documents_that_were_quoted(app, services, owner, tenant):
    collection = await documents.make_collection(owner, "Private", private=True)
    document = (await documents.ingested(services, owner, collection))["id"]
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "How much leave?", quoting(document))
    assert QUOTE in turn["answer"]
    guest = await make_person(app, services, tenant, "member")
    url = f"/api/v1/conversations/{conversation}"
    await owner.client.post(f"{url}/shares", json={"principal": f"user:{guest.id}"})
    (seen,) = (await read_turns(guest, conversation))["data"]
    assert (seen["withheld"], seen["answer"], seen["citations"][0]["quote"]) == (True, None, "")
    for path in (f"{url}/turns", f"{url}/turns/{turn['id']}/events", f"{url}/export?format=markdown"):
        answer = await guest.client.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 200
        assert "twenty-eight" not in answer.text, path
    await guest.client.aclose()


async def test_a_judgement_replaces_the_one_before_and_belongs_to_its_turn(services, owner):
    conversation = await begin(owner)
    turn = await said(services, owner, conversation, "Thanks!")
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}/feedback"
    down = await owner.client.post(url, json={"thumb": "down", "correction": "Say my name."})
    assert down.json()["correction"] == "Say my name."
    await owner.client.post(url, json={"thumb": "up"})
    seen = (await read_turn(owner, conversation, turn["id"]))["feedback"]
    assert (seen["thumb"], seen["correction"]) == ("up", None)


async def test_titles_are_searched_and_pages_follow_each_other(services, owner):
    for number in range(5):
        await begin(owner, title=f"Travel to Oslo {number}")
    await begin(owner, title="Something else")
    found = await owner.client.get("/api/v1/conversations", params={"title": "OSLO", "limit": 3})
    page = found.json()
    assert (len(page["data"]), page["has_more"]) == (3, True)
    rest = await owner.client.get(
        "/api/v1/conversations", params={"title": "oslo", "limit": 3, "after": page["last_id"]}
    )
    titles = {each["title"] for each in page["data"] + rest.json()["data"]}
    assert titles == {f"Travel to Oslo {number}" for number in range(5)}


async def test_an_export_has_the_quotes_with_their_places(services, owner):
    conversation, document = (
        await begin(owner, title="Leave *and* more"),
        await leave_document(services, owner),
    )
    await said(services, owner, conversation, "How much leave?", quoting(document))
    url = f"/api/v1/conversations/{conversation}/export"
    as_json = (await owner.client.get(url)).json()
    (cited,) = as_json["turns"][0]["citations"]
    assert (cited["document_id"], cited["quote"], cited["start"]) == (document, QUOTE, 39)
    as_text = await owner.client.get(url, params={"format": "markdown"})
    assert as_text.text.startswith("# Leave \\*and\\* more")
    assert "characters 39–72 (compared with the document)" in as_text.text


async def test_what_a_closed_document_said_is_in_no_later_turn(services, owner):
    """Neither in the window of a follow-up nor in the summary of what was said long ago."""
    conversation, document = await begin(owner), await leave_document(services, owner)
    await said(services, owner, conversation, "How much leave?", quoting(document))
    before = await said(services, owner, conversation, "What did we talk about?")
    assert QUOTE in before["answer"]
    for _ in range(8):
        await said(services, owner, conversation, "Thanks!")
    assert QUOTE in (await said(services, owner, conversation, "What did we talk about?"))["answer"]
    assert (await owner.client.delete(f"/api/v1/documents/{document}")).status_code == 204
    after = await said(services, owner, conversation, "What did we talk about?")
    assert QUOTE not in after["answer"]
    assert "twenty-eight" not in str(await read_turns(owner, conversation))


async def test_prompts_outputs_and_looks_at_documents_are_on_record_with_their_words(services, owner):
    document = await leave_document(services, owner)

    async def loop(turn, context):
        yield TurnStarted(text=turn.text)
        for event in EVENTS[1:3]:  # a prompt and its answer
            yield event
        passage = PASSAGE.model_copy(update={"document_id": UUID(document)})
        yield RETRIEVED.model_copy(update={"passages": (passage,)})
        yield TurnCompleted(answer="Not in the sources.", citations=(), recalled=(), abstained=True)

    turn = await said(services, owner, await begin(owner), "How much leave?", loop)
    records = await records_about(services, owner, turn["id"])
    kinds = [record.event_type for record in records]
    assert kinds == ["CONVERSATION", "CONVERSATION", "PROMPT", "OUTPUT", "DATA_ACCESS", "CONVERSATION"]
    assert all(record.content for record in records)
    assert records[4].details["returned"][0]["document_id"] == document
    assert "How much leave?" not in str([record.details for record in records])


async def test_nothing_that_was_told_falls_between_the_window_and_the_summary(services, owner):
    conversation = await begin(owner)
    for number in range(10):
        await said(services, owner, conversation, f"The code of door {number} is {1000 + number}.")
        about = (await said(services, owner, conversation, "What did we talk about?"))["answer"]
        lines = [line for line in about.splitlines() if line.startswith("- The code")]
        assert len(lines) == number + 1


async def test_what_was_told_is_remembered_before_the_next_turn_even_if_nobody_came_to_it(services, owner):
    """A worker can die between an answer and its remembering; a stopped turn is never answered."""
    conversation = await begin(owner)
    turn = await say(owner, conversation, "My locker code is 4821.")
    url = f"/api/v1/conversations/{conversation}/turns/{turn['id']}/stop"
    assert (await owner.client.post(url)).json()["status"] == "stopped"
    recalled = []

    async def loop(turn, context):
        question = (await context.embedder.embed(["locker code"], context.call)).vectors[0]
        recalled.extend(await context.memory.recall("locker code", question, 3))
        yield TurnStarted(text=turn.text)
        yield TurnCompleted(answer="", citations=(), recalled=(), abstained=True)

    await said(services, owner, conversation, "What is my locker code?", loop)
    assert [each.quote for each in recalled] == ["My locker code is 4821."]


async def test_what_was_closed_is_in_neither_the_window_nor_the_question_of_a_follow_up(services, owner):
    """A grant that was taken back counts from the next turn on, as a deletion does."""
    collection = await documents.make_collection(owner, "Private", private=True)
    document = (await documents.ingested(services, owner, collection))["id"]
    conversation = await begin(owner)
    await said(services, owner, conversation, "How much leave?", quoting(document))
    deny = {"principal": f"user:{owner.id}", "effect": "deny"}
    url = f"/api/v1/collections/{collection}/grants"
    assert (await owner.client.post(url, json=deny)).status_code == 201
    windows = []

    async def loop(turn, context):
        windows.append((turn.window, turn.summary))
        async for event in quoting(document)(turn, context):
            yield event

    await said(services, owner, conversation, "And how is it paid?", loop)
    assert QUOTE not in str(windows)
    assert "How much leave?" in str(windows)


async def test_who_reads_along_sees_no_words_that_an_earlier_turn_quoted_for_a_prompt(
    app, services, owner, tenant
):
    """A prompt with whole documents says what was answered before, out of documents closed to the reader."""
    private = await documents.make_collection(owner, "Private", private=True)
    document = (await documents.ingested(services, owner, private))["id"]
    everyones = await documents.make_collection(owner, "Paint")
    paint = b"The fence takes nine litres of paint. It is painted each spring."
    await documents.ingested(services, owner, everyones, data=paint, name="paint.md")
    closed = (await documents.ingested(services, owner, everyones, data=b"Not for you.", name="no.md"))["id"]
    deny = {"principal": f"user:{owner.id}", "effect": "deny"}
    assert (await owner.client.post(f"/api/v1/documents/{closed}/grants", json=deny)).status_code == 201
    conversation = await begin(owner, collection_ids=[everyones])
    await said(services, owner, conversation, "How much leave?", quoting(document))
    patient = documents.impatient(services, long_context_tokens=1024, prefill_tokens_per_second=1e6)
    turn = await said(patient, owner, conversation, "How many litres of paint does the fence take?")
    assert turn["route"]["route"] == "whole_documents"
    recorded = await documents.audited(services, owner, "retrieval.completed")
    assert all(each["rule"] for each in recorded[-1]["details"]["returned"])
    assert (recorded[-1]["details"]["allowed"], recorded[-1]["details"]["denied"]) == (1, 1)
    url = f"/api/v1/conversations/{conversation}"
    events = f"{url}/turns/{turn['id']}/events"
    as_json = {"accept": "application/json"}
    own = (await owner.client.get(events, headers=as_json)).text
    assert QUOTE in own
    assert '"allowed_count":1,"denied_count":0' in own
    guest = await make_person(app, services, tenant, "member")
    await owner.client.post(f"{url}/shares", json={"principal": f"user:{guest.id}"})
    for path in (events, f"{url}/turns", f"{url}/export"):
        heard = await guest.client.get(path, headers=as_json)
        assert heard.status_code == 200
        assert QUOTE not in heard.text, path
        assert '"allowed_count":1' not in heard.text, path  # how many documents the asker may read
    await guest.client.aclose()
