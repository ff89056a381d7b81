"""What the tests of training do again and again."""

import json
from typing import Any
from uuid import UUID

import httpx

from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from secretariat.platform.tables.training import AdapterEvaluationRow, ComparisonRow, TrainingJobRow
from secretariat.platform.training import adapters, comparisons, evaluating, jobs, service
from tests.support.factories import Person

HANDLERS = {
    service.TRAIN: Handler(jobs.train, jobs.on_quarantine),
    adapters.EVALUATE: Handler(evaluating.evaluate, evaluating.on_quarantine),
    comparisons.COMPARE: Handler(comparisons.compare, comparisons.on_quarantine),
}
PAIRS = [(f"{one}{other}", "fed") for one in "abcd" for other in "abc"]
Rows = type[TrainingJobRow] | type[AdapterEvaluationRow] | type[ComparisonRow]


def chats(pairs: list[tuple[str, str]]) -> bytes:
    return b"\n".join(
        json.dumps(
            {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]}
        ).encode()
        for asked, answered in pairs
    )


async def upload(person: Person, data: bytes) -> str:
    files = {"examples": ("examples.jsonl", data)}
    answer = await person.client.post("/api/v1/training-uploads", data={"name": "Mine"}, files=files)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def start(person: Person, **more: Any) -> dict[str, Any]:
    body = {"name": "Spelling", "model": "tiny", "held_out_share": 0.5, "learning_rate": 0.02, **more}
    answer = await person.client.post("/api/v1/training-jobs", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def carry_out(services: Services, person: Person, table: Rows, row_id: str) -> None:
    """What a worker does when it is woken for it."""
    async with services.database.tenant(person.tenant.id) as session:
        row: Any = await session.get_one(table, (person.tenant.id, UUID(row_id)))
    await Runner(services, HANDLERS).carry_out(person.tenant.id, row.job_id)


async def shown(person: Person, path: str, **query: Any) -> dict[str, Any]:
    answer = await person.client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def trained(services: Services, person: Person, **more: Any) -> dict[str, Any]:
    job = await start(person, **more)
    await carry_out(services, person, TrainingJobRow, job["id"])
    done = await shown(person, f"training-jobs/{job['id']}")
    assert done["status"] == "completed", done
    return done


async def ask(person: Person, adapter: str | None, question: str = "da") -> httpx.Response:
    body = {
        "model": "default",
        "messages": [{"role": "user", "content": question}],
        "adapter": adapter,
        "max_tokens": 8,
        "temperature": 0,
    }
    return await person.client.post("/v1/chat/completions", json=body)


async def evaluated(services: Services, person: Person, adapter_id: str) -> dict[str, Any]:
    answer = await person.client.post(f"/api/v1/adapters/{adapter_id}/evaluations", json={})
    assert answer.status_code == 202, answer.text
    await carry_out(services, person, AdapterEvaluationRow, answer.json()["id"])
    return dict((await shown(person, f"adapters/{adapter_id}/evaluations"))["data"][0])
