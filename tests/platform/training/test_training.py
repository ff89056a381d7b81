"""From a tenant's examples to an adapter that serves: killed on the way, judged, published, kept from others."""

import asyncio
import os
import random
import signal
from uuid import UUID

import psutil
import pytest
from sqlalchemy import select

from secretariat.platform.adapters.serving import served_name
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.contents import Content
from secretariat.platform.tables.training import (
    AdapterEvaluationRow,
    AdapterRow,
    ComparisonRow,
    TrainingExampleRow,
    TrainingJobRow,
)
from secretariat.platform.training.gate import LARGEST_GAP
from tests.platform.evaluation import steps as evaluation
from tests.platform.training import steps
from tests.support.factories import make_person


async def kill_the_child(person, job_id):
    """-9, once it has told of a step."""
    while not (await steps.shown(person, f"training-jobs/{job_id}/metrics"))["data"]:
        await asyncio.sleep(0.05)
    for child in psutil.Process().children(recursive=True):
        if "secretariat.models.training" in child.cmdline():
            os.kill(child.pid, signal.SIGKILL)


async def stored_words(services, person, ids):
    async with services.database.tenant(person.tenant.id) as session:
        return set(await session.scalars(select(Content.id).where(Content.id.in_(ids))))


async def actions(services, person):
    async with services.database.tenant(person.tenant.id) as session:
        rows = await session.scalars(select(AuditRecord).order_by(AuditRecord.id))
        return [row.action for row in rows]


async def test_examples_become_an_adapter_that_serves_after_its_gate(app, services, owner, other_owner, home):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    job = await steps.start(owner, upload_id=upload, steps=60, learn={"rank": 4})
    assert (job["examples"], job["held_out"]) == (6, 6)
    work = asyncio.ensure_future(steps.carry_out(services, owner, TrainingJobRow, job["id"]))
    await kill_the_child(owner, job["id"])
    await work
    done = await steps.shown(owner, f"training-jobs/{job['id']}")
    assert (done["status"], done["error"]) == ("completed", None)
    assert done["result"]["held_out_loss"] < done["result"]["first_held_out_loss"]
    told = (await steps.shown(owner, f"training-jobs/{job['id']}/metrics"))["data"]
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))
    assert [one["step"] for one in told] == list(range(1, done["result"]["steps"] + 1))
    assert not list((home / "training").rglob("*.jsonl"))
    stream = await owner.client.get(
        f"/api/v1/training-jobs/{job['id']}/metrics",
        params={"after": len(told) - 1},
        headers={"accept": "text/event-stream"},
    )
    assert [line for line in stream.text.splitlines() if line.startswith("event")] == [
        "event: metric",
        "event: ended",
    ]

    adapter = done["adapter_id"]
    made = await owner.client.post("/api/v1/assistants", json={"name": "Speller"})
    publication = {"assistant_id": made.json()["id"]}
    early = await owner.client.post(f"/api/v1/adapters/{adapter}/publish", json=publication)
    assert (early.status_code, early.json()["code"]) == (409, "NOT_PASSED")
    judged = await steps.evaluated(services, owner, adapter)
    assert judged["passed"], judged
    assert judged["result"]["adapter_f1"] > judged["result"]["base_f1"]
    published = await owner.client.post(f"/api/v1/adapters/{adapter}/publish", json=publication)
    assert published.json()["published_for"] == [{**publication, "name": "Speller"}]

    await measured_beside_other_ways(services, owner, job["id"], publication["assistant_id"])
    await kept_from_others(app, services, owner, other_owner, adapter)
    await compared_blindly(services, owner, adapter)
    await erased_with_its_person(services, owner, job["id"], adapter, publication)
    assert {
        "training_upload.created",
        "training_job.created",
        "adapter.made",
        "adapter_evaluation.asked",
        "adapter_evaluation.completed",
        "adapter.published",
        "comparison.chosen",
        "training.person_erased",
        "adapter.withdrawn",
        "adapter.deleted",
    } <= set(await actions(services, owner))


async def measured_beside_other_ways(services, owner, job_id, assistant_id):
    """Of the questions it is asked then, those that it has learnt are counted."""
    lineage = (await steps.shown(owner, f"training-jobs/{job_id}/examples"))["data"]
    by_use: dict[bool, list[str]] = {True: [], False: []}
    for one in lineage:
        by_use[one["held_out"]].append(steps.PAIRS[one["ordinal"]][0])
    asked = [(question, "fed.md", ["fed"]) for question in [*by_use[False][:2], by_use[True][0]]]
    questions = await evaluation.with_answers(owner, asked)
    more = {"kind": "strategies", "strategies": ["adapter"], "assistant_id": assistant_id}
    done = await evaluation.carry_out(services, owner, await evaluation.asked(owner, questions, **more))
    assert done["strategies"]["adapter"]["learnt_questions"] == 2
    (told,) = done["strategies"]["strategies"]
    assert (told["absent"], told["figures"]["questions"]) == (None, 3)
    assert told["figures"]["freshness"]["by"] == told["figures"]["forgetting"]["by"] == "training"
    assert told["figures"]["freshness"]["seconds"] > 0


async def kept_from_others(app, services, owner, other_owner, adapter):
    """Neither by its id nor by the name that the model server has for it."""
    member = await make_person(app, services, owner.tenant, "member")
    assert (await steps.ask(member, adapter)).json()["choices"][0]["message"]["content"] == "fed"
    assert (await steps.ask(member, None)).json()["choices"][0]["message"]["content"] != "fed"
    await member.client.aclose()
    name = served_name(owner.tenant.id, UUID(adapter))
    for told in (adapter, name, name.upper(), f"{name} "):
        assert (await steps.ask(other_owner, told)).status_code == 404, told
    assert (await steps.ask(owner, name)).status_code == 404
    assert (await other_owner.client.get(f"/api/v1/adapters/{adapter}")).status_code == 404


async def compared_blindly(services, owner, adapter):
    """Who gave which answer is told after the choice, which is then a preference to learn from."""
    asked = await owner.client.post("/api/v1/comparisons", json={"prompt": "cb", "adapter_id": adapter})
    assert (asked.status_code, asked.json()["sides"]) == (202, None)
    await steps.carry_out(services, owner, ComparisonRow, asked.json()["id"])
    url = f"comparisons/{asked.json()['id']}"
    ready = await steps.shown(owner, url)
    assert (ready["status"], ready["sides"]) == ("ready", None)
    better = "a" if ready["a"] == "fed" else "b"
    assert ready[better] == "fed"
    chosen = (await owner.client.post(f"/api/v1/{url}/choice", json={"choice": better})).json()
    assert chosen["sides"] == {better: adapter, "b" if better == "a" else "a": None}
    again = await owner.client.post(f"/api/v1/{url}/choice", json={"choice": "tie"})
    assert (again.status_code, again.json()["code"]) == (409, "NOT_READY")


async def erased_with_its_person(services, owner, job_id, adapter, publication):
    """The words go, from evaluations and comparisons too; the lineage and the evidence stay."""
    async with services.database.tenant(owner.tenant.id) as session:
        tables = (
            (TrainingExampleRow, TrainingExampleRow.content_id),
            (AdapterEvaluationRow, AdapterEvaluationRow.answers_id),
            (ComparisonRow, ComparisonRow.prompt_id),
        )
        words = [one for _, column in tables for one in await session.scalars(select(column)) if one]
    erasure = await owner.client.post("/api/v1/training-erasures", json={"user_id": str(owner.id)})
    receipt = erasure.json()
    assert (receipt["examples"], receipt["adapter_ids"]) == (12, [adapter])
    assert receipt["assistant_ids"] == [publication["assistant_id"]]
    assert await stored_words(services, owner, words) == set()
    lineage = (await steps.shown(owner, f"training-jobs/{job_id}/examples"))["data"]
    assert all(one["erased_at"] and one["person_ids"] == [str(owner.id)] for one in lineage)
    marked = await steps.shown(owner, f"adapters/{adapter}")
    assert (marked["retraining"]["erased"], marked["published_for"]) == (6, [])
    again = await owner.client.post(f"/api/v1/adapters/{adapter}/publish", json=publication)
    assert (again.status_code, again.json()["code"]) == (409, "NEEDS_RETRAINING")
    assert (await owner.client.delete(f"/api/v1/adapters/{adapter}")).status_code == 204
    assert (await steps.ask(owner, adapter)).status_code == 404


async def test_what_was_learnt_by_heart_is_refused(services, owner):
    """Answers without any rule: what is learnt of them helps with no other question."""
    draw = random.Random(7)
    pairs = [(asked, "".join(draw.choices("abcdefgh", k=6))) for asked, _ in steps.PAIRS]
    upload = await steps.upload(owner, steps.chats(pairs))
    done = await steps.trained(
        services, owner, upload_id=upload, steps=40, learning_rate=0.05, early_stopping=False
    )
    judged = await steps.evaluated(services, owner, done["adapter_id"])
    assert (judged["status"], judged["passed"]) == ("completed", False)
    made = await owner.client.post("/api/v1/assistants", json={"name": "By heart"})
    refused = await owner.client.post(
        f"/api/v1/adapters/{done['adapter_id']}/publish", json={"assistant_id": made.json()["id"]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_PASSED")
    shown = await steps.shown(owner, f"adapters/{done['adapter_id']}")
    assert (shown["status"], shown["gap"] > LARGEST_GAP) == ("refused", True)
    assert "overfitted" in shown["evaluation"]["result"]["reasons"]


async def test_a_job_that_is_cancelled_learns_no_more_and_can_be_resumed(services, owner):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    job = await steps.start(owner, upload_id=upload)
    url = f"/api/v1/training-jobs/{job['id']}"
    assert (await owner.client.post(f"{url}/cancel")).json()["cancel_requested"]
    await steps.carry_out(services, owner, TrainingJobRow, job["id"])
    assert (await owner.client.get(url)).json()["status"] == "cancelled"
    again = await owner.client.post(f"{url}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "TRAINING_ENDED")
    resumed = (await owner.client.post(f"{url}/resume")).json()
    assert (resumed["status"], resumed["cancel_requested"]) == ("queued", False)
    assert (await owner.client.delete(f"/api/v1/training-uploads/{upload}")).status_code == 204
    await steps.carry_out(services, owner, TrainingJobRow, job["id"])
    failed = (await owner.client.get(url)).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "examples_gone")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "nowhere"}, "INVALID"),
        ({"model": "../models/tiny"}, "INVALID"),
        ({"recipe": "dpo"}, "NOTHING_TO_LEARN"),
        ({"recipe": "svf", "model": "bare"}, "INVALID"),
        ({"budget": {}}, "INVALID_REQUEST"),
        ({"upload_id": None}, "NOTHING_TO_LEARN"),
    ],
)
async def test_what_cannot_be_learnt_is_refused_before_anything_is_kept(services, owner, body, code):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    wanted = {"name": "x", "model": "tiny", "upload_id": upload, **body}
    answer = await owner.client.post("/api/v1/training-jobs", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert (await steps.shown(owner, "training-jobs"))["data"] == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no examples"),
        (b'{"text": "a"}\nnonsense', "Line 2 isn't JSON"),
        (b'{"text": "a"}\n{"messages": [{"role": "user", "content": "a"}]}', "Line 2: messages"),
        (b'{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}', "assistant"),
        (b'{"text": "a"}\n{"messages": [], "chosen": "a", "rejected": "b"}', "Line 2: messages"),
    ],
)
async def test_a_line_that_cannot_be_used_is_named(owner, data, said):
    files = {"examples": ("examples.jsonl", data)}
    answer = await owner.client.post("/api/v1/training-uploads", data={"name": "x"}, files=files)
    assert answer.status_code == 422
    assert said in answer.text


async def test_an_adapter_that_is_not_there_is_not_found(owner):
    for path in (f"adapters/{new_id()}", f"training-jobs/{new_id()}", f"comparisons/{new_id()}"):
        assert (await owner.client.get(f"/api/v1/{path}")).status_code == 404


async def test_the_database_keeps_one_adapter_of_a_job_apart_from_another_tenants(
    services, owner, other_owner
):
    """A tenant's session doesn't see the other's rows, whatever is asked."""
    async with services.database.tenant(other_owner.tenant.id) as session:
        assert list(await session.scalars(select(AdapterRow))) == []
