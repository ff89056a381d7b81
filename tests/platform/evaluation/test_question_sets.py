"""Sets of questions: taken whole or refused with the line, given back in order, and forgotten for good."""

from tests.platform.documents import steps as documents
from tests.platform.evaluation import steps
from tests.support.factories import make_person

JUDGED = {"Where is the key?": {"keys.md": 1}, "Who has it?": {"people.md": 2, "keys.md": 1}}


async def test_questions_are_given_back_in_the_order_of_their_file(owner):
    answer = await steps.upload(owner, JUDGED, name=" Keys ")
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert (made["name"], made["questions"], made["left_out"]) == ("Keys", 2, 0)
    url = f"/api/v1/question-sets/{made['id']}"
    assert (await owner.client.get(url)).json() == made
    first = (await owner.client.get(f"{url}/questions", params={"limit": 1})).json()
    assert [one["text"] for one in first["data"]] == ["Where is the key?"]
    assert first["has_more"]
    rest = (await owner.client.get(f"{url}/questions", params={"after": first["last_id"]})).json()
    (last,) = rest["data"]
    assert last["name"] == "q1"
    assert last["required"] == [{"document": "people.md", "gain": 2}, {"document": "keys.md", "gain": 1}]


async def test_a_set_is_its_makers_alone(app, services, owner, tenant):
    url = f"/api/v1/question-sets/{await steps.made(owner, JUDGED)}"
    builder = await make_person(app, services, tenant, "builder")
    assert (await builder.client.get("/api/v1/question-sets")).json()["data"] == []
    for rest in ("", "/questions"):
        assert (await builder.client.get(f"{url}{rest}")).status_code == 404
    assert (await builder.client.delete(url)).status_code == 404
    await builder.client.aclose()


async def test_a_file_that_cannot_be_used_is_refused_by_line_and_nothing_is_kept(owner):
    answer = await steps.sent(owner, b'{"_id": "1", "text": "secret"}\nsecret', b"1\ta\t1")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/queries",
            "code": "file",
            "detail": "Line 2: not a JSON object with _id and text",
        }
    ]
    assert "secret" not in answer.text
    for data in ({"name": " "}, {"name": "x" * 201}):
        missing = await owner.client.post("/api/v1/question-sets", data=data, files={"queries": b"{}"})
        assert [one["pointer"] for one in missing.json()["errors"]] == ["/name", "/qrels"]
    plain = await owner.client.post("/api/v1/question-sets", json={"name": "x"})
    assert plain.status_code == 400
    assert (await owner.client.get("/api/v1/question-sets")).json()["data"] == []


async def test_a_file_that_is_too_large_is_refused(owner):
    answer = await steps.sent(owner, b'{"_id": "1", "text": "a"}\n' * 400_000, b"1\ta\t1")
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


async def test_the_same_key_makes_one_set(owner):
    headers = {"Idempotency-Key": "one-set"}
    first, again = [await steps.upload(owner, JUDGED, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    other = await steps.upload(owner, {"Other?": {"keys.md": 1}}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_deleted_set_leaves_numbers_and_no_words(services, owner):
    collection = await documents.make_collection(owner)
    await documents.ingested(services, owner, collection, name="keys.md")
    question_set = await steps.made(owner, JUDGED)
    url = f"/api/v1/question-sets/{question_set}"
    evaluation_id = await steps.asked(owner, question_set)
    busy = await owner.client.delete(url)
    assert (busy.status_code, busy.json()["code"]) == (409, "QUESTION_SET_IN_USE")
    await steps.carry_out(services, owner, evaluation_id)
    assert (await owner.client.delete(url)).status_code == 204
    for gone in (url, f"{url}/questions"):
        assert (await owner.client.get(gone)).status_code == 404
    body = {"question_set_id": question_set}
    assert (await owner.client.post("/api/v1/evaluations", json=body)).status_code == 404
    left = await steps.shown(owner, evaluation_id)
    assert left["question_set"] == {"id": question_set, "name": "Leave", "deleted": True}
    assert left["result"]["questions"] == 2
    listed = await steps.shown(owner, evaluation_id, "/questions")
    assert [(one["text"], one["name"]) for one in listed["data"]] == [(None, None)] * 2
    result = await steps.shown(owner, evaluation_id, f"/questions/{listed['data'][1]['id']}")
    assert [one["document"] for one in result["documents"]] == [None, None]
    (record,) = [
        one
        for one in (await owner.client.get("/api/v1/audit/records", params={"limit": 100})).json()["data"]
        if one["action"] == "evaluation.search" and one["details"]["question_id"] == listed["data"][0]["id"]
    ]
    shown = (await owner.client.get(f"/api/v1/audit/records/{record['id']}/content")).json()["content"]
    assert [(one["text"], one["forgotten"]) for one in shown] == [(None, True)]
