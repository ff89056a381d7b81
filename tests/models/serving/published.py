"""OpenAI's published description of its API, as a judge of what the server says."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "openai_openapi" / "openapi.yaml"


@cache
def _components() -> Any:
    if not PUBLISHED.is_file():
        pytest.skip("OpenAI's published description isn't there: data/openai_openapi/openapi.yaml")
    with PUBLISHED.open("rb") as stream:
        document = yaml.load(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return _with_nulls(document["components"])


def _with_nulls(node: Any) -> Any:
    """`nullable`, which an earlier OpenAPI had, in JSON Schema's words."""
    if isinstance(node, list):
        return [_with_nulls(part) for part in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _with_nulls(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@cache
def _judge(schema: str) -> jsonschema.Draft202012Validator:
    reference = {"$ref": f"#/components/schemas/{schema}", "components": _components()}
    return jsonschema.Draft202012Validator(reference)


def conforms(value: object, schema: str) -> None:
    """Raises AssertionError with what differs; skips the test without the description."""
    error = jsonschema.exceptions.best_match(_judge(schema).iter_errors(value))
    assert error is None, f"{error.json_path}: {error.message[:300]}"
