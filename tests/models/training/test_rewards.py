"""What programs say an answer is worth."""

import pytest

from secretariat.models.errors import ModelError
from secretariat.models.training.rewards import Expected, Judge, Said, Worth

TEXTS = {"1": "A blue ticket is valid for a day.", "2": "A grey ticket is\nvalid for a week."}
GREY = Expected.of({"answers": ["a week", "seven days"], "source": "2", "abstains": False}, TEXTS)
NOTHING = Expected.of({"abstains": True}, TEXTS)
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


def parts(answer: str, expected: Expected) -> dict[str, float]:
    worth = Judge(
        dict.fromkeys(("exact", "contains", "overlap", "cites", "valid_json", "abstains"), 1.0)
    ).worth(answer, expected)
    assert worth is not None
    return dict(worth.parts)


@pytest.mark.parametrize(
    ("answer", "exact", "contains", "overlap"),
    [
        ("<co: 2>a week</co: 2>", 1, 1, 1),
        ("Week!", 1, 1, 1),
        ("It is valid for a week", 0, 1, 2 / 6),
        ("seven long days", 0, 0, 4 / 5),
        ("weekend", 0, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_answers_are_compared_without_case_articles_and_punctuation(answer, exact, contains, overlap):
    told = parts(answer, GREY)
    assert (told["exact"], told["contains"], told["overlap"]) == pytest.approx((exact, contains, overlap))


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ("<co: 2>valid for a week</co: 2>", 1),
        ("<co: 2>is valid</co: 2>, <co: 2>for a week</co: 2>", 1),
        ("<co: 1>valid for a week</co: 1>", 0),  # the wrong source
        ("<co: 1,2>valid for</co: 1,2>", 0),  # and so is one too many
        ("<co: 2>a fortnight</co: 2>", 0),  # not what stands there
        ("<co: 2>a week</co: 2> and <co: 1>a day</co: 1>", 0),
        ("<co: 2></co: 2>a week", 0),
        ("a week", 0),
    ],
)
def test_a_citation_counts_when_its_words_stand_in_the_right_source(answer, worth):
    assert parts(answer, GREY)["cites"] == worth


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ('{"name": "Ada", "age": 36}', 1),
        (' {"name": "Ada"}\n', 1),
        ('{"age": 36}', 0),
        ('{"name": "Ada", "age": NaN}', 0),
        ('{"name": "Ada"} Anything else?', 0),
        ("[" * 100_000, 0),
    ],
)
def test_json_counts_when_the_schema_takes_all_of_it(answer, worth):
    assert parts(answer, Expected.of({"schema": PERSON}, {})) == {"valid_json": worth}


def test_a_schema_is_never_fetched_from_somewhere_else():
    elsewhere = Expected.of({"schema": {"$ref": "http://127.0.0.1:9/schema.json"}}, {})
    with pytest.raises(ModelError, match="schema.json"):
        parts("{}", elsewhere)


def test_abstaining_is_right_where_nothing_is_to_be_found_and_wrong_elsewhere():
    assert parts("Not in the sources.", NOTHING) == {"abstains": 1}
    assert parts("a week", NOTHING) == {"abstains": 0}
    refused = parts("NOT IN THE SOURCES", GREY)
    assert refused == {"exact": 0, "contains": 0, "overlap": 0, "cites": 0, "abstains": 0}
    assert parts("Not in the sources, but a week.", GREY)["abstains"] == 1


def test_only_what_a_task_asks_for_is_weighed():
    judge = Judge({"exact": 3.0, "cites": 1.0, "valid_json": 5.0})
    assert judge.worth("a week", GREY) == Worth(0.75, {"exact": 1, "cites": 0})
    assert judge.worth("a week", NOTHING) is None


@pytest.mark.parametrize(
    "weights", [{"charm": 1.0}, {"exact": 0.0}, {"exact": -1.0}, {"exact": float("nan")}]
)
def test_rewards_that_arent_there_are_refused(weights):
    with pytest.raises(ModelError) as refusal:
        Judge(weights)
    assert refusal.value.code == "training_invalid"


@pytest.mark.parametrize(
    "settings",
    [
        {"answer": ["a week"]},
        {"answers": "a week"},
        {"source": "3"},
        {"abstains": "yes"},
        {"schema": {"type": "person"}},
        {"schema": "object"},
    ],
)
def test_a_task_that_expects_what_nobody_can_judge_is_refused(settings):
    with pytest.raises(ValueError, match="expects"):
        Expected.of(settings, TEXTS)


def test_broken_markup_never_reaches_the_text():
    assert Said.of("<co: 2>a week").text == "a week"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<co: 2>a week</co: 2>", {"answers": ["a week"], "source": "2", "abstains": False}),
        ("<co: 2>a week</co: 2>, <co: 1>a day</co: 1>", {"answers": ["a week, a day"], "abstains": False}),
        ("NOT IN THE SOURCES", {"abstains": True}),
    ],
)
def test_a_right_answer_shows_what_to_expect_of_others(answer, expected):
    assert Expected.of_answer(answer, TEXTS) == Expected.of(expected, TEXTS)
    worth = Judge(dict.fromkeys(("exact", "cites", "abstains"), 1.0)).worth(
        answer, Expected.of_answer(answer, TEXTS)
    )
    assert worth is not None
    assert worth.total == 1
