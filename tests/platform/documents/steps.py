"""What the tests of documents do again and again."""

import dataclasses
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from secretariat.platform.documents import jobs
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import AuditRecord
from tests.support.factories import Person

HANDLERS = {"documents.ingest": Handler(jobs.ingest, jobs.on_quarantine)}
LEAVE = (
    b"# Annual leave\n\nEvery employee has twenty-eight days of paid holiday in a year.\n\n"
    b"## Carrying over\n\nUp to five unused days may be carried over until the end of March.\n"
)


async def make_collection(person: Person, name: str = "Handbook", **more: object) -> str:
    answer = await person.client.post("/api/v1/collections", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def upload(
    person: Person,
    collection_id: str,
    data: bytes = LEAVE,
    name: str = "leave.md",
    media_type: str = "text/markdown",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return await person.client.post(
        "/api/v1/documents",
        files={"file": (name, data, media_type)},
        data={"collection_id": collection_id},
        headers=headers,
    )


async def carry_out(services: Services, person: Person, document_id: str) -> None:
    """What a worker does when it is woken for the document's last job."""
    jobs_list = (await person.client.get("/api/v1/jobs", params={"limit": 100})).json()["data"]
    job = next(job for job in jobs_list if job["subject"]["id"] == document_id)
    await Runner(services, HANDLERS).carry_out(person.tenant.id, UUID(job["id"]))


async def ingested(services: Services, person: Person, collection_id: str, **given: Any) -> dict[str, Any]:
    answer = await upload(person, collection_id, **given)
    assert answer.status_code == 202, answer.text
    await carry_out(services, person, answer.json()["id"])
    return dict((await person.client.get(f"/api/v1/documents/{answer.json()['id']}")).json())


def impatient(services: Services, **settings: object) -> Services:
    return dataclasses.replace(services, settings=services.settings.model_copy(update=settings))


async def found(person: Person, query: str, **more: object) -> dict[str, Any]:
    answer = await person.client.post("/api/v1/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def audited(services: Services, person: Person, action: str) -> list[dict[str, Any]]:
    async with services.database.tenant(person.tenant.id) as session:
        rows = await session.scalars(
            select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)
        )
        return [
            {
                "outcome": row.outcome,
                "details": row.details,
                "content": row.content,
                "event_type": row.event_type,
            }
            for row in rows
        ]
