"""Ways to answer side by side on a tenant's own questions: what each gets right, costs and forgets."""

import math

import pytest

from secretariat.platform.evaluation.overlap import token_f1
from secretariat.platform.evaluation.strategies.scoring import Answered, Currency, judged, summary
from tests.platform.documents import steps as documents
from tests.platform.evaluation import steps
from tests.support.factories import make_person

LEAVE = "How much leave is carried over?"
SAFE = "What is in the safe?"
FILES = {
    "leave.md": b"# Leave\n\nHow much leave is carried over: five days of leave are carried over.",
    "copy.md": b"# Old leave\n\nOf much leave a part is carried over: seven days.",
}
ROOMS = {f"{n}.md": b"# Room %d\n\nRoom %d has a blue door." % (n, n) for n in range(3)}


async def _strategies(services, person, asked, **more):
    evaluation_id = await steps.asked(person, asked, kind="strategies", **more)
    return await steps.carry_out(services, person, evaluation_id)


async def _library(services, person, *names):
    collection = await documents.make_collection(person)
    for name in names:
        await documents.ingested(services, person, collection, data=(FILES | ROOMS)[name], name=name)


def _weighed(details, name):
    """The weights of what was before the model, in order, each time that it was asked."""
    return [[one["weight"] for one in each] for each in details["weights"][name]]


async def test_each_way_to_answer_is_measured_on_the_same_questions(services, owner):
    await _library(services, owner, *FILES)
    asked = await steps.with_answers(owner, [(LEAVE, "leave.md", ["five days"]), (SAFE, None, [])])
    done = await _strategies(services, owner, asked)
    assert (done["status"], done["kind"], done["result"]) == ("completed", "strategies", None)
    told = {one["strategy"]: one for one in done["strategies"]["strategies"]}
    assert list(told) == ["closed_book", "rag", "adapter", "both", "long_context"]
    assert {name for name, one in told.items() if one["absent"] == "no_adapter"} == {"adapter", "both"}
    closed, rag, whole = (told[name]["figures"] for name in ("closed_book", "rag", "long_context"))
    assert (closed["right"], closed["cited"], closed["tokens_per_right"]) == (0, None, None)
    for figures in (rag, whole):
        assert (figures["right"], figures["answerable"], figures["questions"]) == (1, 1, 2)
        assert (figures["cited"], figures["abstained_rightly"]) == (1.0, 0.0)
        assert figures["tokens_per_right"] > 0
        assert figures["forgetting"] == {"by": "deletion", "asked_again": 1, "still_right": 0}
        assert figures["freshness"]["by"] == "index"
        assert figures["freshness"]["seconds"] > 0
    for told in await documents.audited(services, owner, "evaluation.answer"):
        assert {0.0} == {weight for each in _weighed(told["details"], "long_context") for weight in each}
    assert closed["freshness"] == {"by": "nothing", "seconds": None, "newer_documents": None}


async def test_an_answer_that_another_document_holds_is_not_forgotten_with_the_required_one(services, owner):
    await _library(services, owner, *FILES)
    asked = await steps.with_answers(owner, [(LEAVE, "leave.md", ["days"])])
    done = await _strategies(services, owner, asked, strategies=["rag"])
    (rag,) = done["strategies"]["strategies"]
    assert rag["figures"]["forgetting"] == {"by": "deletion", "asked_again": 1, "still_right": 1}


async def test_what_the_asker_may_not_read_is_not_put_before_the_model(app, services, tenant, owner):
    private = await documents.make_collection(owner, private=True)
    await documents.ingested(services, owner, private, data=FILES["leave.md"], name="leave.md")
    person = await make_person(app, services, tenant, "builder")
    asked = await steps.with_answers(person, [(LEAVE, "leave.md", ["five days"])])
    done = await _strategies(services, person, asked, strategies=["rag", "long_context"])
    assert [one["figures"]["right"] for one in done["strategies"]["strategies"]] == [0, 0]
    await person.client.aclose()


async def test_what_was_put_before_the_model_is_on_record_with_its_weight(services, double, owner):
    await _library(services, owner, *FILES, *ROOMS)
    asked = await steps.with_answers(owner, [(LEAVE, "leave.md", ["five days"])])
    await _strategies(services, owner, asked, strategies=["closed_book", "rag"])
    (told,) = await documents.audited(services, owner, "evaluation.answer")
    details = told["details"]
    assert details["outcomes"] == {"closed_book": "wrong", "rag": "right"}
    # One of them came before the model only when the first answer's was withheld.
    assert len(details["shown"]) == len(FILES) + len(ROOMS)
    assert all(one["rule"] for one in details["shown"])

    first, again = _weighed(details, "rag")
    server, _ = double
    assert [[one["weight"] for one in each] for each in server.documents[-2:]] == [first, again]
    answering, *_ = server.documents[-2]
    heaviest = max(answering["sentences"], key=lambda one: one["weight"])
    assert "five days" in answering["text"][heaviest["start"] : heaviest["end"]]
    found = (await owner.client.post("/api/v1/search", json={"query": LEAVE})).json()
    best, copy, *rooms = first
    assert 1 / (1 + math.exp(-best)) == pytest.approx(found["confidence"], abs=1e-4)
    assert best > copy > max(rooms)
    assert again == [copy, *rooms, *rooms[:1]]
    assert _weighed(details, "closed_book") == [[]]


async def test_a_set_without_answers_says_so(services, owner):
    asked = await steps.made(owner, {LEAVE: {"leave.md": 1}})
    done = await _strategies(services, owner, asked)
    assert (done["status"], done["error"]["code"]) == ("failed", "no_answers")


async def test_a_question_that_nothing_answers_is_left_out_of_search(services, owner):
    await _library(services, owner, "leave.md")
    asked = await steps.with_answers(owner, [(SAFE, None, []), (LEAVE, "leave.md", ["five days"])])
    done = await steps.carry_out(services, owner, await steps.asked(owner, asked))
    assert (done["status"], done["result"]["questions"]) == ("completed", 1)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "strategies", "configurations": ["words"]},
        {"strategies": ["rag"]},
        {"kind": "strategies", "strategies": ["guess"]},
        {"kind": "strategies", "strategies": ["rag", "rag"]},
    ],
)
async def test_what_doesnt_belong_to_its_kind_is_refused(owner, body):
    asked = await steps.made(owner, {LEAVE: {"leave.md": 1}})
    answer = await owner.client.post("/api/v1/evaluations", json={"question_set_id": asked, **body})
    assert answer.status_code == 422


async def test_another_tenants_assistant_does_not_exist(owner, other_owner):
    made = await other_owner.client.post("/api/v1/assistants", json={"name": "Theirs"})
    asked = await steps.made(owner, {LEAVE: {"leave.md": 1}})
    body = {"question_set_id": asked, "kind": "strategies", "assistant_id": made.json()["id"]}
    assert (await owner.client.post("/api/v1/evaluations", json=body)).status_code == 404


def test_answers_are_judged_by_whole_words():
    assert judged("It is five days.", ["five days", "5 days"]).outcome == "right"
    assert judged("twenty-five day", ["five days"]).outcome == "wrong"
    assert judged("25 days", ["5 days"]).outcome == "wrong"
    assert judged("Not in the sources", ["five days"]).outcome == "abstained"
    assert judged("", []).f1 == 1.0
    assert judged("Gold.", []).outcome == "wrong"
    assert token_f1("five whole days", "five days") == pytest.approx(0.8)


def test_costs_are_by_right_answer_and_what_needs_no_documents_forgets_nothing():
    rows = [
        Answered("right", answerable=True, f1=1.0, cited=None, kept=None, tokens=10, seconds=1.0),
        Answered("wrong", answerable=True, f1=0.5, cited=None, kept=None, tokens=30, seconds=3.0),
        Answered("abstained", answerable=False, f1=1.0, cited=None, kept=None, tokens=20, seconds=2.0),
    ]
    (told,) = summary({"adapter": rows}, Currency(1.0, 60.0, 3))
    figures = told["figures"]
    assert (figures["tokens_per_right"], figures["seconds_per_right"]) == (60.0, 6.0)
    assert figures["accuracy"]["mean"] == 0.5
    assert figures["abstained_rightly"] == 1.0
    assert figures["freshness"] == {"by": "training", "seconds": 60.0, "newer_documents": 3}
    assert figures["forgetting"] == {"by": "training", "asked_again": 0, "still_right": 1}
