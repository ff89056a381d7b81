"""Prompts of training are the product's prompts; answers written for them are what its grammars let through."""

import json
import random
import re
from uuid import uuid4

import jsonschema
import pytest

from secretariat.agents import planner
from secretariat.agents.core import RetrievedPassage, Task
from secretariat.agents.reading import OTHERWISE as READ_NOTHING
from secretariat.agents.reading import _prompt as product_reading
from secretariat.models.core import GroundingDocument, JsonSchemaConstraint
from secretariat.models.engine.citations import CitationReader
from secretariat.models.engine.grammar import Grammars
from secretariat.models.engine.grounding import constraint_of
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.training.data import calculation, extraction, plans, sources, tool_calls
from secretariat.models.training.data.conversations import Conversation
from secretariat.models.training.data.forms import OTHERWISE, Asked, cited, grounded
from secretariat.models.training.data.plan_families import FAMILIES
from secretariat.models.training.data.plan_form import Action, plan_schema, problems
from secretariat.models.training.data.plan_lexicon import family as invented_family
from secretariat.models.training.data.product_forms import calculation as calculating
from secretariat.models.training.data.product_forms import reading
from secretariat.retrieval.core import Scope
from tests.support.weights import chat_model

GENERATORS = {
    "tools": tool_calls.examples,
    "plans": plans.examples,
    "extraction": extraction.examples,
    "calculation": calculation.examples,
    "sources": sources.grounded_examples,
    "copied": sources.copied_examples,
}


def test_lines_are_read_under_the_products_own_prompt() -> None:
    lines = ["Skates cost 4 pounds.", "The rink has a roof."]
    passages = [
        RetrievedPassage(
            document_id=uuid4(), document="d", chunk_id=uuid4(), start=0, end=9, text=line, score=1.0 - n
        )
        for n, line in enumerate(lines)
    ]

    class Run:
        task = Task(id=uuid4(), request="What do skates cost?", scope=Scope(uuid4()))

    product = product_reading(Run(), Run.task.request, passages, READ_NOTHING)  # type: ignore[arg-type]
    ours = reading(Run.task.request, lines)
    assert ours.messages == product.messages
    assert ours.constraint == product.constraint
    assert ours.max_tokens == product.max_tokens


def test_sums_are_asked_for_under_the_products_own_prompt() -> None:
    product = planner.prompt("What is 3 plus 4?", "calculation")
    ours = calculating("What is 3 plus 4?")
    assert (ours.messages, ours.max_tokens) == (product.messages, product.max_tokens)
    assert ours.constraint is not None
    assert json.loads(ours.constraint.schema) == json.loads(product.constraint.schema)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_seed_repeats_its_examples_and_another_makes_others(kind: str) -> None:
    made = [each.as_json() for each in GENERATORS[kind](1, 30)]
    assert made == [each.as_json() for each in GENERATORS[kind](1, 30)]
    assert [each["messages"] for each in made] != [
        each.as_json()["messages"] for each in GENERATORS[kind](2, 30)
    ]
    asked = {json.dumps([each["messages"][:-1], each.get("documents")]) for each in made}
    assert len(asked) > 25


@pytest.mark.parametrize("count", [300])
def test_cited_answers_stand_word_for_word_in_the_source_they_name(count: int) -> None:
    none = 0
    for each in sources.grounded_examples(3, count):
        reader = CitationReader([document.id for document in each.documents])
        first, last = reader.push(each.learnt), reader.finish()
        said, citations = first.text + last.text, (*first.citations, *last.citations)
        texts = {document.id: document.text for document in each.documents}
        assert all(said[one.start : one.end] in texts[one.ids[0]] for one in citations)
        assert bool(citations) != (each.learnt == OTHERWISE)
        none += not citations
    assert 0.15 * count < none < 0.4 * count


def test_conflicting_sources_are_both_cited() -> None:
    import random

    draw = random.Random(5)
    for _ in range(40):
        case = sources.drawn(draw, "conflict")
        assert len(case.answer) == 2
        (first, one), (second, other) = case.answer
        assert first < second
        assert one in case.texts[first]
        assert other in case.texts[second]


def test_unanswerable_questions_find_no_answer_about_the_thing_asked() -> None:
    import random

    draw = random.Random(6)
    assert all(sources.drawn(draw, "none").answer == () for _ in range(40))


@pytest.mark.parametrize("kind", ["tools", "extraction", "calculation"])
def test_answers_are_valid_under_the_grammar_of_their_prompt(kind: str) -> None:
    """The prompt isn't kept with a record, so the schema is made again from what was asked."""
    for each in GENERATORS[kind](7, 40):
        value = json.loads(each.learnt)
        assert json.dumps(value, ensure_ascii=False) == each.learnt
        assert isinstance(value, dict)


def test_calls_pass_their_tools_schemas() -> None:
    import random

    from secretariat.models.training.data.invented import Inventor
    from secretariat.models.training.data.operations import OPERATIONS
    from secretariat.models.training.data.tool_form import call_schema, called

    made = 0
    draw = random.Random(8)
    for operation in OPERATIONS:
        use = tool_calls._use(operation, Inventor(draw))
        request, arguments = tool_calls._request(use, Inventor(draw))
        schema = jsonschema.Draft202012Validator(call_schema([use.tool]))
        assert schema.is_valid(json.loads(called(use.tool, arguments)))
        assert schema.is_valid(json.loads(called(None)))
        assert request.strip()
        made += 1
    assert made > 40


def test_plans_of_training_have_no_problems_and_fit_their_grammar() -> None:
    actions = [action for family in FAMILIES for action in family.actions]
    assert len({action.name for action in actions}) == len(actions)
    for each in plans.examples(9, 60):
        plan, offered = json.loads(each.learnt), _listed_tools(each.messages[-2].content)
        assert problems(plan, offered) == []
        assert len({action.name for action in offered}) == len(offered)
        assert jsonschema.Draft202012Validator(plan_schema(offered)).is_valid(plan)


def test_invented_trades_are_many_and_each_asks_for_its_own_tools_alone() -> None:
    draw = random.Random(4)
    families = [invented_family(draw) for _ in range(200)]
    assert len({action.name for family in families for action in family.actions}) > 300
    for family in families:
        names = {action.name: action.parameters for action in family.actions}
        for ask in family.asks:
            for place, (tool, arguments) in enumerate(ask.steps, 1):
                assert len(arguments) == len(names[tool])
                assert all(int(one[1:]) < place for one in arguments if one.startswith("$"))


def _listed_tools(prompt: str) -> list[Action]:
    lines = prompt.removeprefix("Tools:\n").split("\n\nRequest: ")[0].splitlines()
    told = [re.fullmatch(r"- (\w+)\((.*)\): (.*)", line) for line in lines]
    return [Action(one[1], one[3], tuple(filter(None, one[2].split(", ")))) for one in told if one]


def test_a_plan_that_leans_on_a_later_step_or_another_tool_has_problems() -> None:
    actions = [Action("find", "finds", ("what",)), Action("keep", "keeps", ("what", "where"))]
    good = {"steps": [{"tool": "find", "arguments": {"what": "a"}},
                      {"tool": "keep", "arguments": {"what": "$1", "where": "b"}}]}  # fmt: skip
    assert problems(good, actions) == []
    late = {"steps": [{"tool": "keep", "arguments": {"what": "$1", "where": "b"}}]}
    assert problems(late, actions) == ["step 1: $1 is no earlier step"]
    assert problems({"steps": [{"tool": "burn", "arguments": {}}]}, actions) == ["step 1: no such tool"]
    assert problems({"steps": []}, actions)
    assert problems("no plan", actions)
    assert problems({"steps": [{"tool": "find", "arguments": {"who": "a"}}]}, actions)


def test_documents_go_to_the_engine_as_documents() -> None:
    asked = grounded("Who?", [GroundingDocument("1", "Ann did.")])
    request = asked.request()
    assert request.documents == asked.documents
    assert request.citation_mode == "accurate"
    assert request.constraint is None
    assert cited([("1", "Ann")]) == "<co: 1>Ann</co: 1>"
    assert not isinstance(asked.constraint, JsonSchemaConstraint)


@pytest.mark.weights
@pytest.mark.parametrize("kind", GENERATORS)
def test_a_model_under_its_grammar_can_say_what_it_is_taught(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the tokens that it is taught, and within the budget that it is given."""
    asked: dict[str, Asked] = {}
    plain = Asked.answered

    def kept(self: Asked, answer: str, name: str, origin: str) -> Conversation:
        asked[name] = self
        return plain(self, answer, name, origin)

    monkeypatch.setattr(Asked, "answered", kept)
    loaded = chat_model()
    grammars = Grammars(Vocabulary.of(loaded.tokenizer, loaded.eos_ids))
    for each in GENERATORS[kind](11, 6 if kind == "plans" else 24):
        put = asked[each.id]
        constraint = put.constraint or constraint_of(put.request())
        assert constraint is not None
        tokens, matcher = loaded.tokenizer.encode(each.learnt), grammars.matcher(constraint)
        assert matcher.valid(tokens, put.max_tokens) == len(tokens), each.learnt
        for token in tokens:
            matcher.accept(token)
        assert matcher.accepting, each.learnt
