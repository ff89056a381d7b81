"""Whose words are shown to whom, and what a look leaves behind."""

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from secretariat.agents.core import AgentContext, ArtifactCreated
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from tests.platform.tasks.steps import EVENTS, carry_out, give, journal_of, read, report, scripted
from tests.platform.tasks.test_stream import events_in
from tests.support.factories import Person, make_person

SECRET = "Where is the zanzibar file?"
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
