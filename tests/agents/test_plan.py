"""A plan is checked before anything runs."""

import json
from typing import Any

import pytest

from secretariat.agents.core import PlanStep
from secretariat.agents.errors import PlanInvalidError
from secretariat.agents.plan import MAX_STEPS, Plan
from secretariat.agents.planner import parts, prompt
from secretariat.agents.tools.registry import ARGUMENTS
from secretariat.models.core import JsonSchemaConstraint

UNKNOWN: dict[str, Any] = {"id": "a", "tool": "delete", "arguments": {}, "after": ()}


def search(name: str, *after: str, query: str = "how deep is the lake") -> PlanStep:
    return PlanStep(id=name, tool="search", arguments={"query": query}, after=after)


def answer(name: str, *after: str) -> PlanStep:
    return PlanStep(id=name, tool="answer", arguments={}, after=after)


def test_steps_are_put_in_an_order_in_which_they_can_run() -> None:
    plan = Plan.validated([answer("c", "a", "b"), search("b", "a"), search("a")], ARGUMENTS)
    assert [step.id for step in plan.steps] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], "1 to"),
        ([search(f"s{n}") for n in range(MAX_STEPS)] + [answer("z")], "1 to"),
        ([search("a"), search("a"), answer("z", "a")], "same id"),
        ([search("a", "b"), search("b", "a"), answer("z")], "wait for each other"),
        ([search("a", "a"), answer("z")], "wait for each other"),
        ([search("a", "ghost"), answer("z")], "isn't in the plan"),
        ([search("a")], "answer"),
        ([answer("a"), answer("b")], "answer"),
        ([search("a", query=""), answer("z", "a")], "don't fit search"),
        (
            [PlanStep(id="a", tool="search", arguments={"query": "x y", "shell": "rm"}), answer("z")],
            "don't fit",
        ),
        (
            [
                PlanStep.model_construct(**UNKNOWN),
                answer("z"),
            ],
            "no tool",
        ),
    ],
)
def test_a_plan_that_could_not_run_is_refused_with_its_reason(steps: list[PlanStep], reason: str) -> None:
    with pytest.raises(PlanInvalidError, match=reason):
        Plan.validated(steps, ARGUMENTS)


def test_the_hash_depends_on_what_the_plan_says_and_on_nothing_else() -> None:
    one = PlanStep(id="a", tool="search", arguments={"query": "boats", "limit": 5})
    same = PlanStep(id="a", tool="search", arguments={"limit": 5, "query": "boats"})
    other = PlanStep(id="a", tool="search", arguments={"query": "boats", "limit": 6})
    hashes = [Plan.validated([step, answer("z", "a")], ARGUMENTS).sha256 for step in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "Our boat is red. Which class is that, and where do boats of that class moor?",
            ["Which class is that", "where do boats of that class moor?"],
        ),
        ("How deep is the lake?", ["How deep is the lake?"]),
        ("hm", ["hm"]),
    ],
)
def test_queries_are_offered_in_the_words_of_the_request(request_: str, expected: list[str]) -> None:
    assert parts(request_) == expected


def test_the_grammar_knows_no_tool_that_the_registry_lacks_and_none_with_effects() -> None:
    constraint = prompt("How deep is the lake, and who measured it?", "report").constraint
    assert isinstance(constraint, JsonSchemaConstraint)
    steps = json.loads(constraint.schema)["properties"]["steps"]
    tools = {choice["properties"]["tool"]["const"] for choice in steps["items"]["anyOf"]}
    assert tools == {"search", "read"}
    assert steps["prefixItems"][0]["properties"]["tool"]["const"] == "search"
