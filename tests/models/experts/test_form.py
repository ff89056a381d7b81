"""What the form of a request tells of it, before anybody reads its words."""

import json
from typing import Any

import pytest

from secretariat.models.core import ChatMessage, ChatRequest, JsonSchemaConstraint
from secretariat.models.experts.form import answers, form_of
from secretariat.models.experts.team import Member, Team
from secretariat.models.training.data.plan_form import Action, plan_schema
from secretariat.models.training.data.tool_form import Tool, call_schema

TOOL = Tool("send", "sends", {"type": "object", "properties": {"to": {"type": "string"}}})
ACTION = Action("send", "sends", ("to",))
SEARCH = {"properties": {"tool": {"const": "search"}, "query": {"type": "string"}}}


def asked(schema: Any) -> ChatRequest:
    words = schema if isinstance(schema, str) else json.dumps(schema)
    return ChatRequest((ChatMessage("user", "hello"),), constraint=JsonSchemaConstraint(words))


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        (call_schema([TOOL]), "call"),
        (call_schema([TOOL, TOOL]), "call"),
        (
            {"type": "object", "properties": {"name": {"const": "send"}, "arguments": {"type": "object"}}},
            "call",
        ),
        (plan_schema([ACTION]), "plan"),
        ({"properties": {"todo": {"type": "array", "items": call_schema([TOOL])}}}, "plan"),
        ({"properties": {"tool": {"const": "none"}}}, "schema"),
        ({"properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}}}, "schema"),
        ({"properties": {"name": {"const": "a"}, "arguments": {}, "age": {"type": "integer"}}}, "schema"),
        ({"properties": {"steps": {"type": "array", "items": {"type": "string"}}}}, "schema"),
        ({"properties": {"steps": {"type": "array"}}}, "schema"),
        ({"properties": {"steps": {"type": "array", "items": SEARCH}}}, "schema"),
        ({"anyOf": []}, "schema"),
        (True, "schema"),
        ("{no JSON", "schema"),
    ],
)
def test_a_schema_of_calls_is_told_from_others(schema: Any, form: str):
    assert form_of(asked(schema)) == form


def test_one_expert_that_names_the_form_is_sure_and_two_are_not():
    chat, calls = Member("chat", ""), Member("calls", "", forms=("call",))
    request = asked(call_schema([TOOL]))
    assert Team(chat, (chat, calls), None).sure(request) is calls
    rival = Member("rival", "", forms=("call",))
    assert Team(chat, (chat, calls, rival), None).sure(request) is None
    assert Team(chat, (chat, calls), None).sure(asked({"type": "string"})) is None


def test_who_answers_any_json_answers_calls_and_plans():
    assert answers(("schema",), "call")
    assert answers((), "plan")
    assert not answers(("call",), "schema")
    assert not answers(("choice",), "plan")
