"""Search measured on a tenant's own documents: as the person who asked, question by question, on record."""

import asyncio
import dataclasses
from uuid import UUID

import pytest
import pytest_asyncio

from secretariat.models.remote import RemoteModels
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.tables.identity import User
from tests.platform.documents import steps as documents
from tests.platform.evaluation import steps
from tests.support.app import NO_MODELS
from tests.support.factories import Person, make_person

LEAVE, TRAVEL, PAY = "How much leave is there?", "Which train may be booked?", "When are salaries paid?"
FILES = {
    "leave.md": b"# Leave\n\nThere is leave of 28 days. How much leave is carried over: five days of leave.",
    "travel.md": b"# Travel\n\nA train is booked in second class. Which train is booked first is open.",
    "pay.md": b"# Pay\n\nSalaries are paid on the 25th. Salaries are paid when the month ends.",
}


async def _library(services, person: Person, *names: str, private: bool = False) -> dict[str, str]:
    """The ids of the files, by name."""
    collection = await documents.make_collection(person, private=private)
    return {
        name: (await documents.ingested(services, person, collection, data=FILES[name], name=name))["id"]
        for name in names or FILES
    }


@pytest_asyncio.fixture(loop_scope="session")
async def builder(app, services, tenant):
    person = await make_person(app, services, tenant, "builder")
    yield person
    await person.client.aclose()


async def test_what_is_required_by_name_or_id_is_found_and_measured(services, owner):
    ids = await _library(services, owner)
    judged = {LEAVE: {"leave.md": 1}, TRAVEL: {ids["travel.md"]: 2, "nowhere.md": 1}}
    evaluation_id = await steps.measured(services, owner, judged, configurations=["default", "words"])
    done = await steps.shown(owner, evaluation_id)
    assert done["progress"] == {"done": 2, "total": 2, "eta_s": None}
    result = done["result"]
    assert (result["questions"], result["required"], result["out_of_reach"]) == (2, 3, 1)
    assert result["documents"] == 3
    assert [one["configuration"] for one in result["configurations"]] == ["default", "words"]
    measures = result["configurations"][0]["measures"]
    assert measures["recall_at_10"]["mean"] == pytest.approx((1 + 1 / 2) / 2)
    assert (
        0 <= measures["ndcg_at_10"]["low"] <= measures["ndcg_at_10"]["mean"] <= measures["ndcg_at_10"]["high"]
    )
    listed = await steps.shown(owner, evaluation_id, "/questions", order="worst")
    assert [one["text"] for one in listed["data"]] == [TRAVEL, LEAVE]
    assert [one["out_of_reach"] for one in listed["data"]] == [1, 0]
    travel = await steps.shown(owner, evaluation_id, f"/questions/{listed['data'][0]['id']}")
    by_id, nowhere = travel["documents"]
    assert by_id["document"] == ids["travel.md"]
    assert by_id["found"] == {"id": ids["travel.md"], "name": "travel.md", "title": "Travel"}
    assert by_id["ranks"][0] == {"configuration": "default", "rank": 1}
    assert nowhere == {"document": "nowhere.md", "gain": 1, "found": None, "ranks": []}
    first = travel["rankings"][0]["documents"][0]
    assert (first["rank"], first["document"]["name"], first["required"]) == (1, "travel.md", True)


async def test_questions_come_page_by_page_in_either_order(services, owner):
    await _library(services, owner)
    judged = {LEAVE: {"pay.md": 1}, TRAVEL: {"travel.md": 1}, PAY: {"nowhere.md": 1}}
    evaluation_id = await steps.measured(services, owner, judged)
    for order, expected in (("asked", [LEAVE, TRAVEL, PAY]), ("worst", [PAY, LEAVE, TRAVEL])):
        seen: list[str] = []
        after: dict[str, str] = {}
        for _ in expected:
            page = await steps.shown(owner, evaluation_id, "/questions", order=order, limit=1, **after)
            seen += [one["text"] for one in page["data"]]
            after = {"after": page["last_id"]}
        assert (seen, page["has_more"]) == (expected, False)


async def test_what_the_asker_may_not_read_counts_as_not_found_and_is_not_named(services, owner, builder):
    ids = await _library(services, owner, "pay.md", "leave.md", private=True)
    question_set = await steps.made(builder, {PAY: {"pay.md": 1, ids["leave.md"]: 1}})
    evaluation_id = await steps.asked(builder, question_set)
    done = await steps.carry_out(services, builder, evaluation_id)
    assert done["status"] == "completed", done
    assert (done["result"]["out_of_reach"], done["result"]["documents"]) == (2, 0)
    assert done["result"]["configurations"][0]["measures"]["recall_at_100"]["mean"] == 0
    (question,) = (await steps.shown(builder, evaluation_id, "/questions"))["data"]
    result = await steps.shown(builder, evaluation_id, f"/questions/{question['id']}")
    assert [one["found"] for one in result["documents"]] == [None, None]
    assert result["rankings"][0]["documents"] == []


async def test_a_document_that_is_closed_later_loses_its_name(services, owner):
    ids = await _library(services, owner, "pay.md")
    evaluation_id = await steps.measured(services, owner, {PAY: {"pay.md": 1}})
    (question,) = (await steps.shown(owner, evaluation_id, "/questions"))["data"]
    assert (await owner.client.delete(f"/api/v1/documents/{ids['pay.md']}")).status_code == 204
    result = await steps.shown(owner, evaluation_id, f"/questions/{question['id']}")
    assert result["documents"] == [{"document": "pay.md", "gain": 1, "found": None, "ranks": []}]
    assert result["rankings"][0]["documents"][0] == {"rank": 1, "document": None, "required": False}
    assert ids["pay.md"] not in str(result)
    assert result["scores"][0]["mrr"] == 1


async def test_whether_the_index_moved_is_told_to_who_may_know_of_every_document(
    app, services, tenant, owner
):
    evaluation_id = await steps.measured(services, owner, {PAY: {"pay.md": 1}})
    assert (await steps.shown(owner, evaluation_id))["result"]["index_moved"] is False
    role = {"name": "measures", "permissions": ["evaluations.manage", "documents.read", "jobs.read"]}
    assert (await owner.client.post("/api/v1/roles", json=role)).status_code == 201
    person = await make_person(app, services, tenant, "measures")
    other = await steps.measured(services, person, {PAY: {"pay.md": 1}})
    assert (await steps.shown(person, other))["result"]["index_moved"] is None
    await person.client.aclose()


async def test_within_collections_only_those_are_searched(services, owner):
    await _library(services, owner, "pay.md")
    other = await documents.make_collection(owner, "Other")
    evaluation_id = await steps.measured(services, owner, {PAY: {"pay.md": 1}}, collection_ids=[other])
    assert (await steps.shown(owner, evaluation_id))["result"]["out_of_reach"] == 1


async def test_an_evaluation_is_its_starters_alone(services, owner, builder, other_owner):
    question_set = await steps.made(owner, {PAY: {"pay.md": 1}})
    evaluation_id = await steps.asked(owner, question_set)
    for person in (builder, other_owner):
        for rest in ("", "/questions", "/comparison"):
            answer = await person.client.get(f"/api/v1/evaluations/{evaluation_id}{rest}")
            assert answer.status_code == 404, rest
        body = {"question_set_id": question_set}
        assert (await person.client.post("/api/v1/evaluations", json=body)).status_code == 404
        assert (await person.client.post(f"/api/v1/evaluations/{evaluation_id}/cancel")).status_code == 404
        assert (await person.client.get("/api/v1/evaluations")).json()["data"] == []


async def test_it_stops_when_asked_and_goes_on_when_its_job_is_retried(services, owner):
    await _library(services, owner, "pay.md")
    judged = {f"{PAY} {n}": {"pay.md": 1} for n in range(15)}
    evaluation_id = await steps.asked(owner, await steps.made(owner, judged))
    work = asyncio.ensure_future(steps.carry_out(services, owner, evaluation_id))
    while len((await steps.shown(owner, evaluation_id, "/questions"))["data"]) < 2 and not work.done():
        await asyncio.sleep(0.01)
    url = f"/api/v1/evaluations/{evaluation_id}/cancel"
    assert (await owner.client.post(url)).json()["cancel_requested"]
    stopped = await work
    assert (stopped["status"], stopped["result"]) == ("cancelled", None)
    assert (await owner.client.post(url)).status_code == 409
    scored = len((await steps.shown(owner, evaluation_id, "/questions", limit=100))["data"])
    assert 2 <= scored < 15
    job_id = await steps.job_of(owner, evaluation_id)
    assert (await owner.client.post(f"/api/v1/jobs/{job_id}/retry")).status_code == 200
    done = await steps.carry_out(services, owner, evaluation_id)
    assert (done["status"], done["result"]["questions"]) == ("completed", 15)
    assert len(await documents.audited(services, owner, "evaluation.search")) == 15


async def test_it_waits_for_a_model_server_that_does_not_answer(services, owner):
    evaluation_id = await steps.asked(owner, await steps.made(owner, {PAY: {"pay.md": 1}}))
    await _library(services, owner, "pay.md")
    deaf = dataclasses.replace(services, models=RemoteModels(NO_MODELS, "test-service-token"))
    waiting = await steps.carry_out(deaf, owner, evaluation_id)
    await deaf.models.aclose()
    assert (waiting["status"], waiting["error"]) == ("running", None)


async def test_who_may_not_sign_in_any_more_measures_nothing(services, owner, builder):
    evaluation_id = await steps.asked(builder, await steps.made(builder, {PAY: {"pay.md": 1}}))
    job_id = await steps.job_of(owner, evaluation_id)
    async with services.database.tenant(owner.tenant.id) as session:
        user = await session.get_one(User, (owner.tenant.id, builder.id))
        user.status = "disabled"
    await Runner(services, steps.HANDLERS).carry_out(owner.tenant.id, UUID(job_id))
    job = (await owner.client.get(f"/api/v1/jobs/{job_id}")).json()
    assert (job["status"], job["error"]["code"]) == ("failed", "not_permitted")
    assert await documents.audited(services, owner, "evaluation.search") == []


async def test_two_configurations_and_two_evaluations_are_compared_question_by_question(services, owner):
    await _library(services, owner, "leave.md", "pay.md")
    judged = {LEAVE: {"leave.md": 1}, PAY: {"pay.md": 1}}
    question_set = await steps.made(owner, judged)
    before = await steps.asked(owner, question_set, configurations=["words", "meaning"])
    await steps.carry_out(services, owner, before)
    same = await steps.shown(owner, before, "/comparison")
    assert (same["one"]["configuration"], same["other"]["configuration"]) == ("words", "meaning")
    assert same["questions"] == 2
    difference = same["differences"]["ndcg_at_10"]
    assert difference["better"] + difference["worse"] + difference["equal"] == 2
    collection = await documents.make_collection(owner, "Rivals")
    rival = b"# Salaries\n\nWhen are salaries paid? When are salaries paid?"
    await documents.ingested(services, owner, collection, data=rival, name="rival.md")
    after = await steps.asked(owner, question_set, configurations=["words"])
    await steps.carry_out(services, owner, after)
    worse = await steps.shown(owner, after, "/comparison", against_id=before)
    assert worse["other"] == {
        "evaluation_id": before,
        "configuration": "words",
        "finished_at": worse["other"]["finished_at"],
    }
    (changed,) = worse["changed"]
    assert changed["text"] == PAY
    assert changed["difference"] == pytest.approx(0.63 - 1, abs=0.01)
    assert worse["differences"]["ndcg_at_10"]["worse"] == 1
    assert worse["differences"]["ndcg_at_10"]["p_value"] == pytest.approx(1, abs=0.01)
    alone = await owner.client.get(f"/api/v1/evaluations/{after}/comparison")
    assert (alone.status_code, alone.json()["code"]) == (409, "NOT_COMPARABLE")
    apart = await steps.measured(services, owner, judged)
    answer = await owner.client.get(f"/api/v1/evaluations/{apart}/comparison", params={"against_id": before})
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_COMPARABLE")


async def test_start_searches_and_looks_are_on_record(services, owner):
    ids = await _library(services, owner, "pay.md")
    evaluation_id = await steps.measured(services, owner, {PAY: {"pay.md": 1}})
    await steps.shown(owner, evaluation_id, "/questions")
    (created,) = await documents.audited(services, owner, "evaluation.created")
    assert created["details"]["configurations"] == ["default"]
    (search,) = await documents.audited(services, owner, "evaluation.search")
    (only,) = search["details"]["searches"]
    assert (only["allowed"], only["denied"]) == (1, 0)
    assert ids["pay.md"] in {one["document_id"] for one in only["returned"]}
    assert all(one["rule"] != "None" for one in only["returned"])
    assert [one["role"] for one in search["content"]] == ["query"]
    (look,) = await documents.audited(services, owner, "evaluation.read")
    assert look["details"] == {"what": "questions"}
    assert len(await documents.audited(services, owner, "evaluation.completed")) == 1


async def test_nobody_fills_the_queue_alone(owner):
    question_set = await steps.made(owner, {PAY: {"pay.md": 1}})
    waiting = [await steps.asked(owner, question_set) for _ in range(3)]
    body = {"question_set_id": question_set}
    answer = await owner.client.post("/api/v1/evaluations", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "EVALUATIONS_WAITING")
    listed = (await owner.client.get("/api/v1/evaluations")).json()["data"]
    assert [one["id"] for one in listed] == waiting[::-1]


async def test_only_known_configurations_are_taken_and_each_once(owner):
    question_set = await steps.made(owner, {PAY: {"pay.md": 1}})
    for names in (["nonsense"], ["words", "words"], []):
        body = {"question_set_id": question_set, "configurations": names}
        answer = await owner.client.post("/api/v1/evaluations", json=body)
        assert answer.status_code == 422, names
    listed = (await owner.client.get("/api/v1/evaluations/configurations")).json()["data"]
    assert {"name": "words", "uses": ["words"]} in listed


async def test_a_key_that_may_not_read_documents_starts_nothing(owner, anonymous):
    question_set = await steps.made(owner, {PAY: {"pay.md": 1}})
    key = await owner.client.post(
        "/api/v1/keys", json={"name": "narrow", "permissions": ["evaluations.manage"]}
    )
    headers = {"authorization": f"Bearer {key.json()['secret']}"}
    body = {"question_set_id": question_set}
    answer = await anonymous.post("/api/v1/evaluations", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")
