"""Tools and calls of them: how tools are listed, the schema of a call, and a call written out.

Schemas are JSON Schema, or with Python's names of types (dict, float, tuple, any), as public sets have them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretariat.models.training.data.forms import Asked, closed, few_shot, json_schema, written

NONE = "none"
_SYSTEM = (
    "Call the one tool that does what is asked, with arguments from the request. "
    f'If no tool does it, the tool is "{NONE}". Reply with JSON.'
)
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
_LONGEST, _MOST_ITEMS, _MOST_TOKENS = 200, 16, 320
_SCALARS = ({"type": "string", "maxLength": _LONGEST}, {"type": "number"}, {"type": "boolean"})


@dataclass(frozen=True, slots=True)
class Tool:
    """`parameters`: the schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.parameters.get("properties", {})
        return found

    @property
    def required(self) -> Sequence[str]:
        found: Sequence[str] = self.parameters.get("required", ())
        return found


def calling(request: str, tools: Sequence[Tool]) -> Asked:
    listed = "\n".join(map(described, tools))
    return Asked(
        few_shot(_SYSTEM, f"Tools:\n{listed}\n\nRequest: {request}"),
        constraint=json_schema(call_schema(tools)),
        max_tokens=_MOST_TOKENS,
    )


def called(tool: Tool | None, arguments: Mapping[str, Any] | None = None) -> str:
    """The answer: arguments in the order in which the tool has them."""
    if tool is None:
        return written({"tool": NONE})
    given = arguments or {}
    ordered = {name: given[name] for name in tool.properties if name in given}
    return written({"tool": tool.name, "arguments": ordered})


def described(tool: Tool) -> str:
    """A line for the tool and one for each parameter."""
    lines = [f"{tool.name}: {tool.description}"]
    for name, schema in tool.properties.items():
        kind = kind_of(schema) + ("" if name in tool.required else ", optional")
        lines.append(f"- {name} ({kind}): {schema.get('description', '')}".rstrip(": "))
    return "\n".join(lines)


def kind_of(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "any"))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if kind in ("array", "tuple") and isinstance(schema.get("items"), Mapping):
        return f"list of {kind_of(schema['items'])}"
    if kind in ("dict", "object") and schema.get("properties"):
        inside = ", ".join(f"{name}: {kind_of(each)}" for name, each in schema["properties"].items())
        return f"object of {inside}"
    return {"dict": "object", "float": "number", "tuple": "list"}.get(kind, kind)


def call_schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """One call of one of the tools, or of none."""
    calls = [
        closed({"tool": {"const": tool.name}, "arguments": argument_schema(tool.parameters)})
        for tool in tools
    ]
    return {"anyOf": [*calls, closed({"tool": {"const": NONE}})]}


def argument_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What an argument may be, bounded so that it ends."""
    if "enum" in schema:
        return {"enum": list(schema["enum"])}
    kind = _TYPES.get(str(schema.get("type", "string")), str(schema.get("type", "string")))
    if kind == "object":
        properties = schema.get("properties")
        if not properties:
            return {"type": "object", "additionalProperties": {"anyOf": list(_SCALARS)}}
        required = schema.get("required", list(properties))
        return closed({name: argument_schema(each) for name, each in properties.items()}, required)
    if kind == "array":
        items = schema.get("items")
        inner = argument_schema(items) if isinstance(items, Mapping) else {"anyOf": list(_SCALARS)}
        return {"type": "array", "items": inner, "maxItems": _MOST_ITEMS}
    return {"type": "string", "maxLength": _LONGEST} if kind == "string" else {"type": kind}
