"""`POST /v1/responses`: OpenAI's later dialect, for text in and text out."""

import secrets
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Tag, field_validator, model_validator

from secretariat.models.core import ChatMessage, ChatRequest, Role, SamplingParams
from secretariat.models.serving.wire.base import NonEmpty, Wire, told_apart
from secretariat.models.serving.wire.formats import JsonObjectFormat, JsonSchema, SchemaName, TextFormat

DEFAULT_MAX_TOKENS = 512


class InputText(Wire):
    type: Literal["input_text"]
    text: str


class OutputText(Wire):
    """An earlier answer, as it was returned; only its text counts."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any] = Field(default_factory=list)
    logprobs: list[Any] = Field(default_factory=list)


class InputMessage(Wire):
    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        Annotated[str, Tag("text")]
        | Annotated[list[Annotated[InputText | OutputText, Field(discriminator="type")]], Tag("list")],
        told_apart("text", "list"),
    ]
    id: str = ""
    status: Literal["in_progress", "completed", "incomplete"] = "completed"

    def core(self) -> ChatMessage:
        text = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content)
        role: Role = "system" if self.role == "developer" else self.role
        return ChatMessage(role, text)


class JsonSchemaText(Wire):
    type: Literal["json_schema"]
    name: SchemaName
    description: str = ""
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool = True

    def core(self) -> Any:
        fields = {"name": self.name, "schema": self.schema_, "strict": self.strict}
        return JsonSchema.model_validate(fields).core()


class TextOptions(Wire):
    format: Annotated[TextFormat | JsonObjectFormat | JsonSchemaText, Field(discriminator="type")] = (
        TextFormat(type="text")
    )


class StreamOptions(Wire):
    include_obfuscation: Literal[False] = False


class ResponseRequest(Wire):
    """Nothing is stored here: each request brings its whole conversation."""

    model: str = "default"
    input: Annotated[
        Annotated[NonEmpty, Tag("text")]
        | Annotated[list[InputMessage], Field(min_length=1, max_length=1024), Tag("list")],
        told_apart("text", "list"),
    ]
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 0
    include: list[Literal["message.output_text.logprobs"]] = Field(default_factory=list)
    text: TextOptions = TextOptions()
    metadata: Annotated[dict[str, str], Field(max_length=16)] = Field(default_factory=dict)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    store: Literal[False] = False
    background: Literal[False] = False
    truncation: Literal["disabled"] = "disabled"
    user: str = ""

    @field_validator("metadata")
    @classmethod
    def _short(cls, metadata: dict[str, str]) -> dict[str, str]:
        if any(len(key) > 64 or len(value) > 512 for key, value in metadata.items()):
            raise ValueError("metadata has keys of at most 64 and values of at most 512 characters")
        return metadata

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.top_logprobs and not self.include:
            raise ValueError('top_logprobs needs include: ["message.output_text.logprobs"]')
        return self

    @property
    def wants_logprobs(self) -> bool:
        return bool(self.include)

    def core(self) -> ChatRequest:
        first = () if self.instructions is None else (ChatMessage("system", self.instructions),)
        if isinstance(self.input, str):
            turns: tuple[ChatMessage, ...] = (ChatMessage("user", self.input),)
        else:
            turns = tuple(message.core() for message in self.input)
        sampling = SamplingParams(
            max_tokens=self.max_output_tokens or DEFAULT_MAX_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=secrets.randbits(63),
            top_logprobs=self.top_logprobs if self.wants_logprobs else None,
        )
        return ChatRequest(first + turns, self.model, sampling, self.text.format.core())
