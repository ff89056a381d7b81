"""Reads the application's OpenAPI document: its operations, its id parameters, smallest valid bodies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from secretariat.platform.kit.ids import new_id

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    spec: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.spec["operationId"])

    def parameters(self, place: str) -> dict[str, Schema]:
        listed = self.spec.get("parameters", [])
        return {each["name"]: each["schema"] for each in listed if each["in"] == place}

    def ids_in(self, place: str) -> list[str]:
        return [
            name
            for name, schema in self.parameters(place).items()
            if any(variant.get("format") == "uuid" for variant in variants(schema, self.document))
        ]

    @property
    def body_type(self) -> str | None:
        return next(iter(self.spec.get("requestBody", {}).get("content", {})), None)

    @property
    def body_schema(self) -> Schema | None:
        if self.body_type is None:
            return None
        schema: Schema = self.spec["requestBody"]["content"][self.body_type]["schema"]
        return resolved(schema, self.document)

    def body_ids(self) -> list[str]:
        """Names of top-level properties that hold ids or lists of them."""
        found = []
        for name, schema in (self.body_schema or {}).get("properties", {}).items():
            for variant in variants(schema, self.document):
                items = resolved(variant.get("items", {}), self.document)
                if "uuid" in (variant.get("format"), items.get("format")):
                    found.append(name)
        return found

    def smallest_body(self) -> dict[str, Any]:
        value = smallest(self.body_schema or {}, self.document)
        assert isinstance(value, dict)
        return value

    async def call(
        self,
        client: httpx.AsyncClient,
        path_ids: Mapping[str, Any],
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """With the smallest valid body unless another is given."""
        path = self.path
        for name, schema in self.parameters("path").items():
            numbered = schema.get("type") == "integer"
            other = smallest(schema, self.document) if numbered else "x"
            path = path.replace("{" + name + "}", str(path_ids.get(name, other)))
        options: dict[str, Any] = {"params": dict(query or {}), "headers": {"accept": "application/json"}}
        sent = dict(body) if body is not None else self.smallest_body() if self.body_type else None
        if self.body_type == "multipart/form-data":
            assert sent is not None
            files = {name: ("file.txt", b"some words", "text/plain") for name in sent if name == "file"}
            options |= {"files": files, "data": {name: sent[name] for name in sent if name != "file"}}
        elif sent is not None:
            options["json"] = sent
        return await client.request(self.method, path, **options)


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, spec in methods.items():
            yield Operation(method.upper(), path, spec, document)


def resolved(schema: Schema, document: Mapping[str, Any]) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def variants(schema: Schema, document: Mapping[str, Any]) -> list[Schema]:
    schema = resolved(schema, document)
    if "anyOf" not in schema:
        return [schema]
    return [resolved(variant, document) for variant in schema["anyOf"]]


def smallest(schema: Schema, document: Mapping[str, Any]) -> Any:
    """A value that the schema accepts, with required properties only."""
    schema = variants(schema, document)[0]
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, document)


def _of_type(schema: Schema, document: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {name: smallest(schema["properties"][name], document) for name in wanted}
        case "array":
            return [smallest(schema["items"], document) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "string":
            return _text(schema)
        case other:
            return False if other == "boolean" else None


def _text(schema: Schema) -> str:
    match schema.get("format"):
        case "uuid":
            return str(new_id())
        case "date-time":
            return "2026-01-01T00:00:00Z"
    if "@" in schema.get("pattern", ""):
        return f"{new_id().hex}@example.com"
    if "user|group" in schema.get("pattern", "") or "user:" in schema.get("pattern", ""):
        return f"user:{new_id()}"
    shortest, longest = int(schema.get("minLength", 1)), int(schema.get("maxLength", 9))
    return ("x" * max(shortest, 1) + new_id().hex[-8:])[: max(shortest, longest)]
