"""What the answer to a request is held to, and what that says about who should give it. Loads no model."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from secretariat.models.core import (
    ChatRequest,
    ChoiceConstraint,
    CitationConstraint,
    JsonSchemaConstraint,
    RegexConstraint,
    VerbatimSpanConstraint,
)

Form = Literal["free", "documents", "span", "choice", "schema", "call", "plan"]
"""`call`: of one of several tools, or of none. `plan`: a list of such calls. Both are `schema`, too."""


def form_of(request: ChatRequest) -> Form:
    match request.constraint:
        case VerbatimSpanConstraint():
            return "span"
        case ChoiceConstraint():
            return "choice"
        case JsonSchemaConstraint(schema=schema):
            return _form_of_json(schema)
        case RegexConstraint():
            return "schema"
        case CitationConstraint():
            return "documents"
    return "documents" if request.documents else "free"


def answers(forms: tuple[str, ...], form: Form) -> bool:
    """Whether who answers `forms`, any where there are none, answers this one."""
    return not forms or form in forms or (form in ("call", "plan") and "schema" in forms)


def _form_of_json(schema: str) -> Form:
    try:
        told = json.loads(schema)
    except json.JSONDecodeError:  # the engine says what is wrong with it
        return "schema"
    if _is_call(told):
        return "call"
    return "plan" if _is_plan(told) else "schema"


def _is_plan(schema: Any) -> bool:
    """An object of nothing but a list of calls."""
    match schema:
        case {"properties": Mapping() as properties} if len(properties) == 1:
            (listed,) = properties.values()
            items = list(_items(listed)) if isinstance(listed, Mapping) else []
            return bool(items) and all(map(_is_call, items))
    return False


def _items(listed: Mapping[str, Any]) -> Iterator[Any]:
    first, others = listed.get("prefixItems", ()), listed.get("items")
    yield from first if isinstance(first, list) else ()
    if others:
        yield others


def _is_call(schema: Any) -> bool:
    """An object that names a tool by a constant and may have arguments, or one of several such; not all of them
    without arguments."""
    alternatives = schema.get("anyOf", [schema]) if isinstance(schema, Mapping) else ()
    told = [_of_a_call(one) for one in alternatives]
    return all(told) and any("arguments" in each for each in told)


def _of_a_call(schema: Any) -> Mapping[str, Any]:
    """Its properties; nothing where it is none."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or len(properties) > 2:
        return {}
    names = [name for name in ("tool", "name") if _is_constant(properties.get(name))]
    return properties if names and set(properties) <= {*names, "arguments"} else {}


def _is_constant(schema: Any) -> bool:
    return isinstance(schema, Mapping) and isinstance(schema.get("const"), str)
