"""When a call counts as right: the rules of the Berkeley Function Calling Leaderboard for one call in Python.

Written from what its checker does (bfcl_eval's ast_checker.py, ShishirPatil/gorilla, v4):
the tool's name; every needed argument and none that isn't expected; the type that the schema names, where a number
may be whole for a float but not the other way round; a value among the accepted ones, in which "" means that the
argument may be left out; texts without case and the marks ` ,./-_*^`. A value of another type than the schema's is
accepted where the accepted values have that type (variables).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from secretariat.models.training.data.tool_form import Tool

_PYTHON = {
    "string": str, "integer": int, "float": float, "boolean": bool, "array": list, "tuple": list, "dict": dict,
    "any": str,
}  # fmt: skip
_MARKS = re.compile(r"[ ,./\-_*^]")
_LEFT_OUT = ""


def right(tool: Tool, arguments: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a call of the expected tool with these arguments is accepted."""
    if any(name not in arguments for name in tool.required):
        return False
    if any(_LEFT_OUT not in values for name, values in accepted.items() if name not in arguments):
        return False
    return all(
        name in tool.properties and name in accepted and _fits(value, tool.properties[name], accepted[name])
        for name, value in arguments.items()
    )


def _fits(value: Any, schema: Mapping[str, Any], accepted: Sequence[Any]) -> bool:
    named = str(schema["type"])
    wanted = _PYTHON[named]
    inner = _PYTHON[schema["items"]["type"]] if named in ("array", "tuple") else None
    if named == "float" and type(value) is int:
        value = float(value)
    fits, variable = _typed(value, accepted, wanted, inner)
    if not fits:
        return False
    if variable or wanted not in (dict, list, str):
        return value in accepted
    if wanted is str:
        return _plain(value) in [_plain(each) for each in accepted if isinstance(each, str)]
    if wanted is dict:
        return _same_object(value, accepted)
    if inner is dict:
        return _same_objects(value, accepted)
    return _plain_all(value) in [_plain_all(each) for each in accepted]


def _typed(value: Any, accepted: Sequence[Any], wanted: type, inner: type | None) -> tuple[bool, bool]:
    """Whether the type will do, and whether it stands for a variable."""
    expected = next((type(each) for each in accepted if each != _LEFT_OUT), None)
    if type(value) is wanted:
        items = inner is None or any(_inner_fits(value, each, inner) for each in accepted)
        return items, expected is not None and expected is not wanted
    is_variable = expected is not None and type(value) is expected
    return is_variable, is_variable


def _inner_fits(value: Any, accepted: Any, inner: type) -> bool:
    """An accepted value that is no list says nothing of its items."""
    return not isinstance(accepted, list) or all(_typed(item, accepted, inner, None)[0] for item in value)


def _plain(text: str) -> str:
    return _MARKS.sub("", text).lower().replace("'", '"')


def _plain_all(values: Any) -> list[Any]:
    return [_plain(each) if isinstance(each, str) else each for each in values]


def _same_object(value: Mapping[str, Any], accepted: Sequence[Any]) -> bool:
    """Each key has accepted values of its own."""
    return any(_keys_fit(value, each) for each in accepted if each != _LEFT_OUT)


def _keys_fit(value: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]]) -> bool:
    if any(_LEFT_OUT not in values for key, values in accepted.items() if key not in value):
        return False
    return all(
        key in accepted and (_plain(each) if isinstance(each, str) else each) in _plain_all(accepted[key])
        for key, each in value.items()
    )


def _same_objects(value: Sequence[Any], accepted: Sequence[Any]) -> bool:
    """In the accepted order, one for one."""
    return any(
        len(value) == len(each)
        and all(_same_object(one, [other]) for one, other in zip(value, each, strict=True))
        for each in accepted
    )
