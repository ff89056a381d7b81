"""What the server accepts: OpenAI's request shapes with our constraints, as pydantic models.

A field that we don't implement is refused by name rather than ignored. Knows no engine and no HTTP.
"""

import json
import secrets
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from secretariat.models.core import (
    ChatMessage,
    ChatRequest,
    ChoiceConstraint,
    Constraint,
    JsonSchemaConstraint,
    Role,
    SamplingParams,
    VerbatimSpanConstraint,
)

DEFAULT_MAX_TOKENS = 512
NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class TextPart(Wire):
    type: Literal["text"]
    text: str


class Message(Wire):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def core(self) -> ChatMessage:
        parts = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content)
        role: Role = "system" if self.role == "developer" else self.role
        return ChatMessage(role, parts)


class JsonSchema(Wire):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str = ""
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool = True

    def core(self) -> Constraint:
        return JsonSchemaConstraint(json.dumps(self.schema_))


class VerbatimSpan(Wire):
    texts: Annotated[list[str], Field(min_length=1, max_length=64)]
    otherwise: NonEmpty | None = None

    def core(self) -> Constraint:
        return VerbatimSpanConstraint(tuple(self.texts), self.otherwise)


class Choice(Wire):
    choices: Annotated[list[NonEmpty], Field(min_length=1, max_length=1024)]

    def core(self) -> Constraint:
        return ChoiceConstraint(tuple(self.choices))


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
    type: Literal["verbatim_span"]
    verbatim_span: VerbatimSpan

    def core(self) -> Constraint:
        return self.verbatim_span.core()


class ChoiceFormat(Wire):
    type: Literal["choice"]
    choice: Choice

    def core(self) -> Constraint:
        return self.choice.core()


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat | VerbatimSpanFormat | ChoiceFormat,
    Field(discriminator="type"),
]


class StreamOptions(Wire):
    include_usage: bool = False


class ChatCompletion(Wire):
    """`POST /v1/chat/completions`. The neutral values of what we don't implement are accepted."""

    model: str = "default"
    messages: Annotated[list[Message], Field(min_length=1, max_length=1024)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)] | None = None
    stop: NonEmpty | Annotated[list[NonEmpty], Field(max_length=4)] = Field(default_factory=list)
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    response_format: ResponseFormat = TextFormat(type="text")
    n: Literal[1] = 1
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] = 0
    presence_penalty: Annotated[float, Field(ge=0, le=0)] = 0
    store: Literal[False] = False
    user: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "ChatCompletion":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self

    def core(self) -> ChatRequest:
        sampling = SamplingParams(
            max_tokens=self.max_completion_tokens or self.max_tokens or DEFAULT_MAX_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            seed=secrets.randbits(63) if self.seed is None else self.seed,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop),
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )
        messages = tuple(message.core() for message in self.messages)
        return ChatRequest(messages, self.model, sampling, self.response_format.core())


class Embeddings(Wire):
    """`POST /v1/embeddings`. A text longer than the model's window is cut to it."""

    model: str = "default"
    input: NonEmpty | Annotated[list[NonEmpty], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    user: str = ""

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class Tokenize(Wire):
    """`POST /v1/tokenize`: how many tokens of the chat model each text takes."""

    model: str = "default"
    texts: Annotated[list[str], Field(max_length=65536)]
