"""`POST /v1/completions`: text or tokens go on as they are, without a template."""

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from secretariat.models.core import SamplingParams
from secretariat.models.serving.wire.base import Name, NonEmpty, TokenIds, told_apart
from secretariat.models.serving.wire.sampling import Sampling

DEFAULT_MAX_TOKENS = 16


class Completion(Sampling):
    """One prompt: a string or token ids, or a list of one of either."""

    model: str = "default"
    prompt: Annotated[
        Annotated[NonEmpty, Tag("text")]
        | Annotated[list[NonEmpty], Field(min_length=1, max_length=1), Tag("texts")]
        | Annotated[list[TokenIds], Field(min_length=1, max_length=1), Tag("lists")]
        | Annotated[TokenIds, Tag("numbers")],
        told_apart("text", "texts", "lists", "numbers"),
    ]
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    adapter: Name | None = None
    echo: Literal[False] = False
    n: Literal[1] = 1
    best_of: Literal[1] = 1

    @model_validator(mode="after")
    def _usage_of_a_stream(self) -> Self:
        if "stream_options" in self.model_fields_set and not self.stream:
            raise ValueError("stream_options needs stream: true")
        return self

    @property
    def one_prompt(self) -> str | list[int]:
        if isinstance(self.prompt, str):
            return self.prompt
        first = self.prompt[0]
        return [token for token in self.prompt if isinstance(token, int)] if isinstance(first, int) else first

    @property
    def sampling(self) -> SamplingParams:
        return self.drawing(self.max_tokens or DEFAULT_MAX_TOKENS, self.logprobs)
