"""`response_format`: what an answer must look like, as a constraint."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from secretariat.models.core import (
    ChoiceConstraint,
    Constraint,
    JsonSchemaConstraint,
    RegexConstraint,
    VerbatimSpanConstraint,
)
from secretariat.models.serving.wire.base import NonEmpty, Wire

SchemaName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sources = Annotated[list[str], Field(min_length=1, max_length=64)]


class JsonSchema(Wire):
    name: SchemaName
    description: str = ""
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool = True

    def core(self) -> Constraint:
        return JsonSchemaConstraint(json.dumps(self.schema_))


class VerbatimSpan(Wire):
    texts: Sources
    otherwise: NonEmpty | None = None


class Choice(Wire):
    choices: Annotated[list[NonEmpty], Field(min_length=1, max_length=1024)]


class TextFormat(Wire):
    type: Literal["text"]

    def core(self) -> Constraint | None:
        return None


class JsonObjectFormat(Wire):
    type: Literal["json_object"]

    def core(self) -> Constraint:
        return JsonSchemaConstraint('{"type": "object"}')


class JsonSchemaFormat(Wire):
    type: Literal["json_schema"]
    json_schema: JsonSchema

    def core(self) -> Constraint:
        return self.json_schema.core()


class VerbatimSpanFormat(Wire):
    """`{sources, otherwise}` beside the type, or the same as `verbatim_span: {texts, otherwise}`."""

    type: Literal["verbatim_span"]
    sources: Sources | None = None
    otherwise: NonEmpty | None = None
    verbatim_span: VerbatimSpan | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.sources is None) == (self.verbatim_span is None):
            raise ValueError("verbatim_span needs sources")
        if self.verbatim_span is not None and self.otherwise is not None:
            raise ValueError("otherwise belongs beside sources, or inside verbatim_span")
        return self

    def core(self) -> Constraint:
        if self.verbatim_span is not None:
            return VerbatimSpanConstraint(tuple(self.verbatim_span.texts), self.verbatim_span.otherwise)
        return VerbatimSpanConstraint(tuple(self.sources or ()), self.otherwise)


class ChoiceFormat(Wire):
    type: Literal["choice"]
    choice: Choice

    def core(self) -> Constraint:
        return ChoiceConstraint(tuple(self.choice.choices))


class RegexFormat(Wire):
    type: Literal["regex"]
    regex: Annotated[str, StringConstraints(min_length=1, max_length=16384)]

    def core(self) -> Constraint:
        return RegexConstraint(self.regex)


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat | VerbatimSpanFormat | ChoiceFormat | RegexFormat,
    Field(discriminator="type"),
]
