"""How tokens are drawn: the fields that chat and plain completions share."""

import secrets
from typing import Annotated

from pydantic import Field, StringConstraints

from secretariat.models.core import SamplingParams
from secretariat.models.serving.wire.base import NonEmpty, Wire

Penalty = Annotated[float, Field(ge=-2, le=2)]
TokenId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")]


class StreamOptions(Wire):
    include_usage: bool = False


class Sampling(Wire):
    """OpenAI's fields, and `top_k`, `min_p`, `repetition_penalty`, `ignore_eos` as other servers name them."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] = 1.0
    logit_bias: Annotated[dict[TokenId, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=1024)] = (
        Field(default_factory=dict)
    )
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)] | None = None
    stop: NonEmpty | Annotated[list[NonEmpty], Field(max_length=4)] = Field(default_factory=list)
    ignore_eos: bool = False
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    user: str = ""

    def drawing(self, max_tokens: int, top_logprobs: int | None) -> SamplingParams:
        return SamplingParams(
            max_tokens=max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            repetition_penalty=self.repetition_penalty,
            logit_bias=tuple((int(token), bias) for token, bias in self.logit_bias.items()),
            seed=secrets.randbits(63) if self.seed is None else self.seed,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop),
            top_logprobs=top_logprobs,
            ignore_eos=self.ignore_eos,
        )
