"""The outer shape of OpenAI's requests and lists. What is inside is the model server's to check."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    """Fields that aren't named here are passed on; the model server refuses those it doesn't know."""

    model_config = ConfigDict(extra="allow")


class ChatCompletionRequest(_Open):
    model: str = Field(min_length=1, max_length=200)
    messages: list[dict[str, Any]] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


class EmbeddingsRequest(_Open):
    model: str = Field(min_length=1, max_length=200)
    input: str | list[str]


class ModelItem(_Open):
    id: str
    object: Literal["model"] = "model"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelItem]


class OpenAIError(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    error: OpenAIError


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIErrorBody, "description": meaning}
    for status, meaning in {
        400: "Not understood",
        401: "Not signed in",
        403: "Not allowed",
        404: "No such model",
        413: "Too large",
        422: "Not valid",
        429: "Too much at once",
        503: "Unavailable for now",
        504: "The model took too long",
    }.items()
}
STREAM: dict[str, Any] = {
    "description": "A completion, or its pieces as server-sent events when `stream` is true",
    "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
}
