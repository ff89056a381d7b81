"""Giving tasks, seeing them, and what their journals leave behind."""

import pytest
from fastapi import FastAPI

from secretariat.agents.core import AgentContext, ArtifactCreated, TaskCompleted
from secretariat.agents.errors import ToolFailedError
from secretariat.models.core import ChatMessage, ChatRequest
from secretariat.models.errors import ModelError
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from tests.platform.tasks.steps import (
    EVENTS,
    PASSAGE,
    QUOTE,
    carry_out,
    give,
    journal_of,
    read,
    records_of,
    report,
    scripted,
)
from tests.support.factories import Person, make_person

EVIDENCE = {
    "task.started": "TASK",
    "plan.proposed": "TASK",
    "model.prompted": "PROMPT",
    "model.answered": "OUTPUT",
    "tool.requested": "TOOL_CALL",
    "tool.completed": "TOOL_CALL",
    "retrieval.completed": "DATA_ACCESS",
    "task.completed": "TASK",
}


async def test_a_task_is_given_carried_out_and_shown(services: Services, owner: Person) -> None:
    given = await give(owner)
    assert (given["status"], given["plan"], given["answer"], given["error"]) == ("queued", None, None, None)
    await carry_out(services, owner, given["id"])
    done = await read(owner, given["id"])
    assert (done["status"], done["answer"], done["abstained"]) == ("completed", "Twenty-eight days.", False)
    assert [step["tool"] for step in done["plan"]] == ["search"]
    assert [claim["quote"] for claim in done["citations"]] == [QUOTE]
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    events = await journal_of(owner, given["id"])
    assert [event["seq"] for event in events] == list(range(1, len(EVENTS) + 1))
    assert [event["payload"] for event in events] == [event.model_dump(mode="json") for event in EVENTS]
    (job,) = (await owner.client.get("/api/v1/jobs")).json()["data"]
    assert (job["status"], job["subject"]["id"]) == ("done", given["id"])
    assert job["progress"] == {"done": 1, "total": 1}


async def test_journal_and_audit_log_say_the_same(services: Services, owner: Person, postgres) -> None:
    given = await give(owner)
    await carry_out(services, owner, given["id"])
    created, *records = await records_of(services, owner, given["id"])
    assert (created.action, created.event_type, created.actor["type"]) == ("task.created", "TASK", "user")
    expected = [(n, e.type, EVIDENCE[e.type]) for n, e in enumerate(EVENTS, 1) if e.type in EVIDENCE]
    told = [(r.details["event_seq"], r.action, r.event_type) for r in records]
    assert told == expected
    assert all(r.actor["type"] == "agent" and r.actor["id"] == str(owner.id) for r in records)

    with postgres.connect(postgres.superuser_url) as connection:
        journal = dict(
            connection.execute(
                "SELECT seq, content_id::text FROM task_events WHERE task_id = %s", (given["id"],)
            ).fetchall()
        )
        commitments = dict(connection.execute("SELECT id::text, commitment FROM contents").fetchall())
    for record in records:
        (content,) = record.content
        assert content["ref"] == journal[record.details["event_seq"]]
        assert content["commitment"] == commitments[content["ref"]]

    by_action = {record.action: record for record in records}
    assert by_action["model.answered"].details["model"]["weights_sha256"] == "0" * 64
    assert by_action["model.answered"].details["model"]["completion_tokens"] == 2
    searched = by_action["retrieval.completed"].details
    async with services.database.tenant(owner.tenant.id) as session:
        name_of = await services.contents.fingerprint(session)
    assert (searched["allowed"], searched["denied"], searched["index_seq"]) == (2, 1, 7)
    assert searched["returned"] == [
        {
            "chunk_id": str(PASSAGE.chunk_id),
            "document_id": str(PASSAGE.document_id),
            "start": 0,
            "end": 20,
            "fingerprint": name_of(PASSAGE.text),
            "rule": None,
        }
    ]
    assert "leave" not in str([record.details for record in records]).lower()


async def test_no_words_of_a_task_stand_in_the_clear(services: Services, owner: Person, postgres) -> None:
    given = await give(owner, "Where is the zanzibar file?")
    await carry_out(services, owner, given["id"])
    with postgres.connect(postgres.superuser_url) as connection:
        for table in ("tasks", "task_events", "audit_records", "jobs", "contents", "effects", "artifacts"):
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
            assert not [row for (row,) in rows if "zanzibar" in row or "wenty-eight" in row], table


async def test_no_words_of_a_failure_stand_in_the_clear(
    app: FastAPI, services: Services, owner: Person, postgres
) -> None:
    async def fail(number: int, _context: AgentContext) -> None:
        if number == 2:
            raise ToolFailedError("'2 + zanzibar' isn't arithmetic.")

    admin = await make_person(app, services, owner.tenant, "admin")
    given = await give(owner)
    await carry_out(services, owner, given["id"], scripted(before=fail))
    with postgres.connect(postgres.superuser_url) as connection:
        for table in ("tasks", "audit_records", "jobs"):
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
            assert not [row for (row,) in rows if "zanzibar" in row], table
    assert (await read(owner, given["id"]))["error"] == {
        "code": "tool_failed",
        "message": "'2 + zanzibar' isn't arithmetic.",
    }
    assert (await read(admin, given["id"]))["error"]["message"] == "A step could not be carried out."
    (job,) = (await admin.client.get("/api/v1/jobs")).json()["data"]
    assert job["error"]["message"] == "A step could not be carried out."


async def test_the_same_key_gives_one_task(owner: Person) -> None:
    key = {"Idempotency-Key": "once"}
    first = await owner.client.post("/api/v1/tasks", json={"request": "Go"}, headers=key)
    again = await owner.client.post("/api/v1/tasks", json={"request": "Go"}, headers=key)
    assert (first.status_code, first.json()) == (201, again.json())
    assert len((await owner.client.get("/api/v1/tasks")).json()["data"]) == 1
    other = await owner.client.post("/api/v1/tasks", json={"request": "Stop"}, headers=key)
    assert other.status_code == 422


async def test_a_task_needs_what_it_names(owner: Person, other_owner: Person) -> None:
    for body in (
        {"request": ""},
        {"request": "  "},
        {},
        {"request": "x", "model": "y"},
        {"request": "x" * 20_001},
    ):
        assert (await owner.client.post("/api/v1/tasks", json=body)).status_code == 422, body
    made = await other_owner.client.post("/api/v1/collections", json={"name": "Theirs"})
    foreign = await owner.client.post(
        "/api/v1/tasks", json={"request": "x", "collection_ids": [made.json()["id"]]}
    )
    assert foreign.status_code == 404
    answer = await owner.client.post("/api/v1/tasks", json={"request": "x", "assistant_id": str(new_id())})
    assert answer.json()["detail"] == "No such assistant."


async def test_who_sees_a_task(app: FastAPI, services: Services, owner: Person, other_owner: Person) -> None:
    member = await make_person(app, services, owner.tenant, "member")
    colleague = await make_person(app, services, owner.tenant, "member")
    auditor = await make_person(app, services, owner.tenant, "auditor")
    given = await give(member)
    path = f"/api/v1/tasks/{given['id']}"
    for person, sees in (
        (member, True),
        (owner, True),
        (auditor, True),
        (colleague, False),
        (other_owner, False),
    ):
        statuses = {
            (await person.client.get(path)).status_code,
            (await person.client.get(f"{path}/events", headers={"accept": "application/json"})).status_code,
        }
        assert statuses == ({200} if sees else {404})
        listed = [row["id"] for row in (await person.client.get("/api/v1/tasks")).json()["data"]]
        assert listed == ([given["id"]] if sees else [])
    assert (await colleague.client.post(f"{path}/cancel")).status_code == 404
    assert (await auditor.client.post(f"{path}/cancel")).status_code == 403
    foreign = (await other_owner.client.get(path)).json()
    unknown = (await other_owner.client.get(f"/api/v1/tasks/{new_id()}")).json()
    for problem in (foreign, unknown):
        del problem["request_id"], problem["instance"]
    assert foreign == unknown


async def test_lists_are_paged_and_filtered(services: Services, owner: Person) -> None:
    made = [await give(owner, f"Request {n}") for n in range(3)]
    await carry_out(services, owner, made[0]["id"])
    first = (await owner.client.get("/api/v1/tasks", params={"limit": 2})).json()
    assert [row["request"] for row in first["data"]] == ["Request 2", "Request 1"]
    rest = (await owner.client.get("/api/v1/tasks", params={"after": first["last_id"]})).json()
    assert [(row["request"], row["answer"]) for row in rest["data"]] == [("Request 0", "Twenty-eight days.")]
    done = (await owner.client.get("/api/v1/tasks", params={"status": "completed"})).json()
    assert [row["id"] for row in done["data"]] == [made[0]["id"]]


async def test_a_report_is_an_artifact(services: Services, owner: Person) -> None:
    made = new_id()
    events = (
        EVENTS[0],
        ArtifactCreated(step="s1", artifact_id=made, title="Leave report"),
        EVENTS[-1],
    )

    async def write(number: int, context: AgentContext) -> None:
        if number == 2:
            await context.effects.write_report(*report())

    given = await give(owner)
    await carry_out(services, owner, given["id"], scripted(events, before=write))
    (ref,) = (await read(owner, given["id"]))["artifacts"]
    assert ref["title"] == "Leave report"
    artifact = await owner.client.get(f"/api/v1/tasks/{given['id']}/artifacts/{ref['id']}")
    assert artifact.json()["text"] == "# Leave\n\nTwenty-eight days."
    assert artifact.json()["media_type"] == "text/markdown"
    elsewhere = await give(owner)
    assert (
        await owner.client.get(f"/api/v1/tasks/{elsewhere['id']}/artifacts/{ref['id']}")
    ).status_code == 404


async def test_an_assistant_instructs_and_narrows(services: Services, owner: Person) -> None:
    collections = [
        (await owner.client.post("/api/v1/collections", json={"name": name})).json()["id"] for name in "AB"
    ]
    assistant = await owner.client.post(
        "/api/v1/assistants",
        json={
            "name": "Clerk",
            "instructions": "Be brief.",
            "collection_ids": [collections[0]],
            "model": "double-chat-2",
        },
    )
    seen = []

    async def loop(task, context):
        seen.append((task.instructions, {str(one) for one in task.collection_ids or ()}))
        with pytest.raises(ModelError, match="no such model"):  # the double has no model of that name
            await context.chat.chat(ChatRequest((ChatMessage("user", "Hello"),)), context.call)
        yield EVENTS[0]
        yield TaskCompleted(answer="", citations=(), abstained=True)

    for chosen in ([], collections):
        given = await give(owner, assistant_id=assistant.json()["id"], collection_ids=chosen)
        await carry_out(services, owner, given["id"], loop)
    assert seen == [("Be brief.", {collections[0]})] * 2
    in_use = await owner.client.delete(f"/api/v1/assistants/{assistant.json()['id']}")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "ASSISTANT_IN_USE")
