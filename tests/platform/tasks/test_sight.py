"""Whose words are shown to whom, and what a look leaves behind."""

import asyncio
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from secretariat.agents.core import AgentContext, ArtifactCreated
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from tests.platform.documents.steps import ingested, make_collection
from tests.platform.tasks.steps import (
    CLAIM,
    EVENTS,
    PASSAGE,
    QUOTE,
    carry_out,
    give,
    journal_of,
    read,
    report,
    scripted,
)
from tests.platform.tasks.test_stream import events_in
from tests.support.factories import Person, make_person

SECRET = "Where is the zanzibar file?"
QUOTE_SHA256 = CLAIM.quote_sha256
WORDS = ("zanzibar", "wenty-eight", "leave", "Leave", "look it up", "ab" * 32)


@pytest.fixture
async def member(app: FastAPI, services: Services, owner: Person) -> Person:
    return await make_person(app, services, owner.tenant, "member")


async def answered(services: Services, member: Person) -> dict[str, str]:
    """A task with a report; the names of what can be asked of it."""

    async def write(number: int, context: AgentContext) -> None:
        if number == len(EVENTS):
            await context.effects.write_report(*report())

    events = (*EVENTS[:-1], ArtifactCreated(step="s1", artifact_id=new_id(), title="Leave"), EVENTS[-1])
    given = await give(member, SECRET)
    await carry_out(services, member, given["id"], scripted(events, before=write))
    (artifact,) = (await read(member, given["id"]))["artifacts"]
    path = f"/api/v1/tasks/{given['id']}"
    return {"id": given["id"], "task": path, "events": f"{path}/events",
            "artifact": f"{path}/artifacts/{artifact['id']}"}  # fmt: skip


async def reveals(services: Services, person: Person) -> list[tuple[str, str, str]]:
    async with services.database.tenant(person.tenant.id) as session:
        rows = await session.scalars(
            select(AuditRecord).where(AuditRecord.event_type == "AUDIT_READ").order_by(AuditRecord.id)
        )
        return [(str(row.actor["id"]), str(row.task_id), row.details["what"]) for row in rows]


async def test_who_may_not_read_content_sees_that_there_is_a_task(
    app: FastAPI, services: Services, owner: Person, member: Person
) -> None:
    admin = await make_person(app, services, owner.tenant, "admin")
    task = await answered(services, member)
    for path in (task["task"], task["events"], task["artifact"], "/api/v1/tasks"):
        for accept in ("application/json", "text/event-stream"):
            answer = await admin.client.get(path, headers={"accept": accept})
            assert answer.status_code == 200
            assert [word for word in WORDS if word in answer.text] == []
    shown = await read(admin, task["id"])
    assert (shown["request"], shown["withheld"], shown["answer"]) == (None, True, None)
    assert (shown["status"], shown["created_by"]) == ("completed", str(member.id))
    assert [(step["id"], step["tool"]) for step in shown["plan"]] == [("s1", "search")]
    assert [event["type"] for event in await journal_of(admin, task["id"])][:2] == [
        "task.started",
        "model.prompted",
    ]
    assert await reveals(services, owner) == []


@pytest.mark.parametrize("role", ["auditor", "owner"])
async def test_who_may_read_content_does_so_on_record(
    app: FastAPI, services: Services, owner: Person, member: Person, role: str
) -> None:
    reader = await make_person(app, services, owner.tenant, role)
    task = await answered(services, member)
    heard = await reader.client.get(task["events"], headers={"accept": "text/event-stream"})
    assert "How much leave?" in events_in(heard.text)[0]["data"]
    assert (await journal_of(reader, task["id"]))[0]["payload"]["request"] == "How much leave?"
    shown = await read(reader, task["id"])
    assert (shown["request"], shown["withheld"], shown["answer"]) == (SECRET, False, "Twenty-eight days.")
    assert "Twenty-eight" in (await reader.client.get(task["artifact"])).json()["text"]
    looks = ("events", "events", "task", "artifact")
    assert await reveals(services, owner) == [(str(reader.id), task["id"], what) for what in looks]
    (listed,) = (await reader.client.get("/api/v1/tasks")).json()["data"]
    assert (listed["request"], listed["withheld"], listed["answer"]) == (None, True, None)
    assert len(await reveals(services, owner)) == len(looks)


async def test_ones_own_words_are_shown_without_more_ado(services: Services, member: Person) -> None:
    task = await answered(services, member)
    shown = await read(member, task["id"])
    assert (shown["request"], shown["withheld"], shown["answer"]) == (SECRET, False, "Twenty-eight days.")
    (listed,) = (await member.client.get("/api/v1/tasks")).json()["data"]
    assert listed["request"] == SECRET
    assert await reveals(services, member) == []


async def test_cancelling_anothers_task_shows_none_of_its_words(
    app: FastAPI, services: Services, owner: Person, member: Person
) -> None:
    admin = await make_person(app, services, owner.tenant, "admin")
    given = await give(member, SECRET)
    cancelled = await admin.client.post(f"/api/v1/tasks/{given['id']}/cancel")
    assert (cancelled.json()["status"], cancelled.json()["request"]) == ("cancelled", None)


async def shut(how: str, owner: Person, member: Person, document_id: str) -> None:
    if how == "deleted":
        answer = await owner.client.delete(f"/api/v1/documents/{document_id}")
    else:
        deny = {"principal": f"user:{member.id}", "effect": "deny"}
        answer = await owner.client.post(f"/api/v1/documents/{document_id}/grants", json=deny)
    assert answer.status_code in (201, 204), answer.text


@pytest.mark.parametrize("how", ["deleted", "denied"])
async def test_an_old_task_keeps_no_document_open(
    services: Services, owner: Person, member: Person, cited: str, how: str
) -> None:
    task = await answered(services, member)
    await shut(how, owner, member, cited)
    for path in (task["task"], task["events"], task["artifact"], "/api/v1/tasks"):
        for accept in ("application/json", "text/event-stream"):
            answer = await member.client.get(path, headers={"accept": accept})
            assert answer.status_code == 200
            assert [word for word in ("wenty-eight", "Leave", QUOTE_SHA256) if word in answer.text] == []
    shown = await read(member, task["id"])
    assert (shown["request"], shown["withheld"], shown["answer"]) == (SECRET, True, None)
    assert [step["purpose"] for step in shown["plan"]] == ["look it up"]
    assert [(claim["document_id"], claim["quote"], claim["end"]) for claim in shown["citations"]] == [
        (cited, "", 20)
    ]
    events = await journal_of(member, task["id"])
    assert [event["type"] for event in events if not event["withheld"]] == [
        "task.started",
        "model.prompted",
        "model.answered",
        "plan.proposed",
        "step.started",
        "tool.requested",
    ]
    artifact = (await member.client.get(task["artifact"])).json()
    assert (artifact["title"], artifact["text"], artifact["withheld"]) == (None, None, True)


async def test_a_stream_that_is_open_notices_a_document_that_shuts(
    services: Services, owner: Person, member: Person, cited: str
) -> None:
    given = await give(member)

    async def shut_midway(number: int, _context: AgentContext) -> None:
        if number == 8:
            await shut("denied", owner, member, cited)

    listening = asyncio.ensure_future(
        member.client.get(f"/api/v1/tasks/{given['id']}/events", headers={"accept": "text/event-stream"})
    )
    await carry_out(services, member, given["id"], scripted(before=shut_midway))
    heard = {int(event["id"]): event["data"] for event in events_in((await listening).text)}
    assert "Twenty-eight days." not in heard[len(EVENTS)]
    assert QUOTE not in heard[len(EVENTS) - 1]


async def test_what_other_documents_say_stays(
    services: Services, owner: Person, member: Person, cited: str
) -> None:
    other = (await ingested(services, owner, await make_collection(owner)))["id"]
    passage = PASSAGE.model_copy(update={"document_id": UUID(other), "text": "another text"})
    claim = CLAIM.model_copy(update={"document_id": UUID(other), "quote": "another quote"})
    events = (
        EVENTS[0],
        EVENTS[6].model_copy(update={"passages": (PASSAGE, passage)}),
        EVENTS[-1].model_copy(update={"citations": (CLAIM, claim)}),
    )
    given = await give(member)
    await carry_out(services, member, given["id"], scripted(events))
    await shut("denied", owner, member, cited)
    shown = await read(member, given["id"])
    assert [claim["quote"] for claim in shown["citations"]] == ["", "another quote"]
    _, found, _ = await journal_of(member, given["id"])
    assert [place["text"] for place in found["payload"]["passages"]] == ["", "another text"]
