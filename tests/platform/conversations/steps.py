"""What the tests of conversations do again and again; `scripted` is a double of the answering."""

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select

from secretariat.agents import core
from secretariat.agents.conversation.answer import answer as answer_really
from secretariat.agents.conversation.core import (
    QuestionResolved,
    Turn,
    TurnCompleted,
    TurnContext,
    TurnEvent,
    TurnStarted,
)
from secretariat.platform.conversations import jobs
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.conversations import TurnRow
from secretariat.retrieval.cite import quote_sha256
from tests.support.factories import Person

Loop = Callable[[Turn, TurnContext], AsyncGenerator[TurnEvent, None]]
QUOTE = "twenty-eight days of paid holiday"


def quoting(document_id: str, start: int = 39) -> Loop:
    """Answers every question with one quote of a document."""
    claim = core.CitationClaim(
        document_id=UUID(document_id),
        document="Annual leave",
        start=start,
        end=start + len(QUOTE),
        quote=QUOTE,
        quote_sha256=quote_sha256(QUOTE),
        verified=True,
    )

    async def loop(turn: Turn, context: TurnContext) -> AsyncGenerator[TurnEvent, None]:
        events: list[TurnEvent] = [
            TurnStarted(text=turn.text),
            QuestionResolved(kind="question", question=turn.text, by="as_asked"),
            core.CitationAdded(step="s1", citation=claim),
            core.OutputDelta(step="s1", text=f"{QUOTE} [1]"),
            TurnCompleted(answer=f"{QUOTE} [1]", citations=(claim,), recalled=(), abstained=False),
        ]
        for event in events[len(context.journal) :]:
            yield event

    return loop


async def begin(person: Person, **body: object) -> str:
    answer = await person.client.post("/api/v1/conversations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def say(person: Person, conversation: str, text: str, **more: object) -> dict[str, Any]:
    answer = await person.client.post(
        f"/api/v1/conversations/{conversation}/turns", json={"text": text, **more}
    )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def carry_out(
    services: Services, person: Person, turn: dict[str, Any], loop: Loop = answer_really
) -> None:
    """What a worker does when it is woken for the turn."""
    async with services.database.tenant(person.tenant.id) as session:
        row = await session.get_one(TurnRow, (person.tenant.id, UUID(turn["id"])))
    assert row.job_id is not None
    handler = Handler(partial(jobs.run, loop=loop), jobs.on_quarantine)
    await Runner(services, {"conversations.answer": handler}).carry_out(person.tenant.id, row.job_id)


async def said(
    services: Services,
    person: Person,
    conversation: str,
    text: str,
    loop: Loop = answer_really,
    **more: object,
) -> dict[str, Any]:
    """Say something and have it answered."""
    turn = await say(person, conversation, text, **more)
    await carry_out(services, person, turn, loop)
    return await read_turn(person, conversation, turn["id"])


async def read_turn(person: Person, conversation: str, turn_id: str) -> dict[str, Any]:
    answer = await person.client.get(f"/api/v1/conversations/{conversation}/turns/{turn_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read(person: Person, conversation: str) -> dict[str, Any]:
    answer = await person.client.get(f"/api/v1/conversations/{conversation}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read_turns(person: Person, conversation: str, **asked: str | int) -> dict[str, Any]:
    """A page of turns."""
    url = f"/api/v1/conversations/{conversation}/turns"
    answer = await person.client.get(url, params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def records_about(services: Services, person: Person, *ids: str) -> list[AuditRecord]:
    async with services.database.tenant(person.tenant.id) as session:
        rows = await session.scalars(select(AuditRecord).order_by(AuditRecord.id))
        return [row for row in rows if row.resource and row.resource["id"] in ids]
