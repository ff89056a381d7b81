"""How answers are scored by the quality benchmark: small cases with the score that a person would give."""

import json
import random
from typing import Any

import pytest

from benchmarks.quality.call_rules import right
from benchmarks.quality.calls import call_is_right
from benchmarks.quality.grounded import Item, Question, items, judged, score, token_f1
from benchmarks.quality.plans import read, scored
from secretariat.models.core import ChatResult, Citation, ModelIdentity, Usage
from secretariat.models.training.data import plans as training_plans
from secretariat.models.training.data.contamination import Guard
from secretariat.models.training.data.plan_families import FAMILIES
from secretariat.models.training.data.plan_form import problems
from secretariat.models.training.data.plan_lexicon import family as invented_family
from secretariat.models.training.data.tool_form import Tool, call_schema

MODEL = ModelIdentity("m", "0", "e", 1, "float32")
PASSAGES = [
    "The mill was built in 1820 by Ann Lee.", "The mill pond froze in 1911.", "A mill race feeds the pond.",
    "Ann Lee also built a bridge.", "Nothing here speaks of it.",
]  # fmt: skip
ASKED = [Question(f"q{n}", "Who built the mill?", 0, ("Ann Lee",)) for n in range(200)]


def _said(text: str, *citations: tuple[str, str]) -> ChatResult:
    held = tuple(Citation(0, len(words), words, (name,)) for name, words in citations)
    return ChatResult(text, "stop", Usage(1, 1), MODEL, citations=held)


def test_a_fifth_of_the_questions_lose_their_passage_and_sources_stand_in_any_order() -> None:
    made = items(ASKED, PASSAGES, 3)
    assert made == items(ASKED, PASSAGES, 3)
    assert all(len(item.documents) == 3 for item in made)
    without = [item for item in made if item.gold is None]
    assert 25 <= len(without) <= 55
    assert all(PASSAGES[0] not in [each.text for each in item.documents] for item in without)
    assert {item.gold for item in made} == {None, "1", "2", "3"}
    for item in made:
        if item.gold is not None:
            assert next(each.text for each in item.documents if each.id == item.gold) == PASSAGES[0]


def _item(*, answerable: bool) -> Item:
    return next(item for item in items(ASKED, PASSAGES, 3) if (item.gold is not None) is answerable)


def test_answers_citations_and_abstentions_are_told_apart() -> None:
    item, empty = _item(answerable=True), _item(answerable=False)
    assert item.gold is not None
    other = next(each.id for each in item.documents if each.id != item.gold)
    results = [
        judged(item, _said("Ann Lee", (item.gold, "Ann Lee"))),
        judged(item, _said("by Ann Lee", (other, "by Ann Lee"))),
        judged(item, _said("NOT IN THE SOURCES")),
        judged(item, _said("Ann Lee")),
        judged(empty, _said("Not in the sources.")),
        judged(empty, _said("1911", ("1", "1911"))),
    ]
    assert [each.words for each in results[:4]] == [1.0, pytest.approx(0.8), 0.0, 1.0]
    assert [each.cited_gold for each in results[:4]] == [True, False, False, False]
    found = score(results)
    assert found.words == pytest.approx((1 + 0.8 + 0 + 1) / 4)
    assert found.cited == pytest.approx(1 / 3)
    assert (found.abstained_rightly, found.abstained_wrongly) == (0.5, 0.25)


def test_words_are_compared_without_case_articles_and_punctuation() -> None:
    assert token_f1("The Old Bridge.", "old bridge") == 1.0
    assert token_f1("nothing alike", "old bridge") == 0.0


TOOL = Tool(
    "book.find", "Finds.",
    {"type": "dict", "required": ["title"],
     "properties": {"title": {"type": "string"}, "pages": {"type": "float"}, "copies": {"type": "integer"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "shelf": {"type": "dict", "properties": {}}}},
)  # fmt: skip
ACCEPTED: dict[str, list[Any]] = {
    "title": ["New York, N.Y.", "NY"], "pages": [5, ""], "copies": [2, ""], "tags": [["a b", "c"], ""],
    "shelf": [{"row": [1, 2]}, ""],
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"title": "new york ny"}, True),
        ({"title": "NY", "pages": 5.0, "copies": 2}, True),
        ({"title": "NY", "pages": 5}, True),
        ({"title": "NY", "copies": 2.0}, False),
        ({"title": "NY", "tags": ["A-B", "c"]}, True),
        ({"title": "NY", "tags": ["c", "A-B"]}, False),
        ({"title": "NY", "shelf": {"row": 2}}, True),
        ({"title": "NY", "shelf": {"row": 3}}, False),
        ({"title": "NY", "shelf": {"row": 1, "x": 1}}, False),
        ({"title": "NY", "colour": "red"}, False),
        ({"title": "Boston"}, False),
        ({"pages": 5}, False),
    ],
)
def test_calls_are_judged_by_the_leaderboards_rules(arguments: dict[str, Any], *, is_right: bool) -> None:
    assert right(TOOL, arguments, ACCEPTED) is is_right


def test_an_argument_that_may_not_be_left_out_is_missed() -> None:
    assert not right(TOOL, {"title": "NY"}, {"title": ["NY"], "copies": [2]})


def test_calling_none_is_right_only_where_nothing_fits() -> None:
    none = json.dumps({"tool": "none"})
    call = json.dumps({"tool": "book.find", "arguments": {"title": "NY"}})
    assert call_is_right(none, [TOOL], {})
    assert not call_is_right(call, [TOOL], {})
    assert call_is_right(call, [TOOL], {"book.find": {"title": ["NY"]}})
    assert not call_is_right(none, [TOOL], {"book.find": {"title": ["NY"]}})
    assert not call_is_right('{"tool": "book.fi', [TOOL], {})
    assert call_schema([TOOL])["anyOf"][0]["properties"]["tool"] == {"const": "book.find"}


def test_the_200_requests_are_over_30_tools_that_training_doesnt_know() -> None:
    actions, requests = read()
    assert (len(actions), len(requests)) == (30, 200)
    assert len({each.text for each in requests}) == 200
    ours = {action.name for action in actions}
    assert all(set(each.tools) <= ours and 1 <= len(each.tools) <= 5 for each in requests)
    draw = random.Random(8)
    families = [*FAMILIES, *(invented_family(draw) for _ in range(2000))]
    assert not ours & {action.name for family in families for action in family.actions}
    guard = Guard((each.id, each.text) for each in requests)
    for each in training_plans.examples(4, 300):
        assert not list(guard.overlaps(each.id, [each.messages[1].content.split("Request: ")[1]]))


def test_a_plan_counts_when_it_is_valid_and_when_its_tools_come_in_order() -> None:
    actions, requests = read()
    two = next(each for each in requests if len(each.tools) == 2)
    known = {action.name: action for action in actions}
    steps = [{"tool": name, "arguments": dict.fromkeys(known[name].parameters, "x")} for name in two.tools]
    good, turned = json.dumps({"steps": steps}), json.dumps({"steps": steps[::-1]})
    assert problems(json.loads(good), actions) == []
    found = scored(actions, [two] * 4, [good, turned, '{"steps": [', json.dumps({"steps": []})])
    assert (found.valid, found.right) == (0.5, 0.25)
