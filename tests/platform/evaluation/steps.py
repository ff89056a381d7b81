"""What the tests of evaluations do again and again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx

from secretariat.platform.evaluation import jobs
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.services import Services
from tests.support.factories import Person

HANDLERS = {"evaluation.measure": Handler(jobs.measure, jobs.on_quarantine)}
Judged = Mapping[str, Mapping[str, int]]


async def upload(
    person: Person, questions: Judged, name: str = "Leave", headers: dict[str, str] | None = None
) -> httpx.Response:
    """Questions with the documents that they require; each is called q0, q1 …"""
    queries = "\n".join(json.dumps({"_id": f"q{n}", "text": text}) for n, text in enumerate(questions))
    qrels = "\n".join(
        f"q{n}\t{document}\t{gain}"
        for n, required in enumerate(questions.values())
        for document, gain in required.items()
    )
    return await sent(person, queries.encode(), qrels.encode(), name, headers)


async def with_answers(person: Person, questions: Sequence[tuple[str, str | None, Sequence[str]]]) -> str:
    """The id of a set of questions, each with the name of a document, if one answers it, and its answers."""
    queries = "\n".join(
        json.dumps({"_id": f"q{n}", "text": text, "answers": list(answers)})
        for n, (text, _, answers) in enumerate(questions)
    )
    qrels = "\n".join(f"q{n}\t{document}\t1" for n, (_, document, _) in enumerate(questions) if document)
    answer = await sent(person, queries.encode(), qrels.encode())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def sent(
    person: Person,
    queries: bytes,
    qrels: bytes,
    name: str = "Leave",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return await person.client.post(
        "/api/v1/question-sets",
        data={"name": name},
        files={"queries": ("queries.jsonl", queries), "qrels": ("test.tsv", qrels)},
        headers=headers,
    )


async def made(person: Person, questions: Judged, name: str = "Leave") -> str:
    answer = await upload(person, questions, name)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def asked(person: Person, question_set_id: str, **more: object) -> str:
    body = {"question_set_id": question_set_id, **more}
    answer = await person.client.post("/api/v1/evaluations", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def job_of(person: Person, evaluation_id: str) -> str:
    listed = (await person.client.get("/api/v1/jobs", params={"limit": 100})).json()["data"]
    return str(next(job["id"] for job in listed if job["subject"]["id"] == evaluation_id))


async def carry_out(services: Services, person: Person, evaluation_id: str) -> dict[str, Any]:
    """What a worker does when it is woken for it; then the evaluation as its starter sees it."""
    job_id = await job_of(person, evaluation_id)
    await Runner(services, HANDLERS).carry_out(person.tenant.id, UUID(job_id))
    return await shown(person, evaluation_id)


async def shown(person: Person, evaluation_id: str, rest: str = "", **query: Any) -> dict[str, Any]:
    answer = await person.client.get(f"/api/v1/evaluations/{evaluation_id}{rest}", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def measured(services: Services, person: Person, questions: Judged, **more: object) -> str:
    """The id of a completed evaluation of a new set."""
    evaluation_id = await asked(person, await made(person, questions), **more)
    done = await carry_out(services, person, evaluation_id)
    assert done["status"] == "completed", done
    return evaluation_id
