"""`POST /v1/chat/completions`."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from secretariat.models.core import ChatRequest, CitationMode, Expert
from secretariat.models.experts.dispatch import MOST_EXPERTS
from secretariat.models.experts.form import Form
from secretariat.models.serving.wire.base import Name, Wire
from secretariat.models.serving.wire.formats import ResponseFormat, TextFormat
from secretariat.models.serving.wire.messages import Document, LogOdds, Messages
from secretariat.models.serving.wire.sampling import Sampling

DEFAULT_MAX_TOKENS = 512


class ExpertChoice(Wire):
    """`about`: what it is for, in the words that the base model reads. `adapter` None: the base model. `forms`: it
    answers these alone, empty for all."""

    name: Name
    about: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    adapter: Name | None = None
    forms: tuple[Form, ...] = ()

    def core(self) -> Expert:
        return Expert(self.name, self.about, self.adapter, self.forms)


class ChatCompletion(Sampling):
    """The neutral values of what we don't implement are accepted.

    Ours: `documents` to answer from and cite by `citation_mode`, the log odds by which an answer is `leaning` to
    begin with a citation, `adapter`, the `snapshot` to go on from, and the `experts` of which the base model
    chooses one.
    """

    model: str = "default"
    messages: Messages
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat = TextFormat(type="text")
    documents: Annotated[list[Document], Field(max_length=256)] = Field(default_factory=list)
    citation_mode: CitationMode = "accurate"
    leaning: LogOdds = 0.0
    adapter: Name | None = None
    snapshot: Name | None = None
    experts: Annotated[list[ExpertChoice], Field(max_length=MOST_EXPERTS)] = Field(default_factory=list)
    n: Literal[1] = 1
    store: Literal[False] = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if "citation_mode" in self.model_fields_set and not self.documents:
            raise ValueError("citation_mode needs documents")
        if self.documents and not isinstance(self.response_format, TextFormat):
            raise ValueError("documents are cited in text: response_format must be text")
        ids = [document.id for document in self.documents]
        if len(set(ids)) < len(ids):
            raise ValueError("two documents have the same id")
        return self

    def core(self) -> ChatRequest:
        most = self.max_completion_tokens or self.max_tokens or DEFAULT_MAX_TOKENS
        return ChatRequest(
            messages=tuple(message.core() for message in self.messages),
            model=self.model,
            sampling=self.drawing(most, (self.top_logprobs or 0) if self.logprobs else None),
            constraint=self.response_format.core(),
            documents=tuple(document.core() for document in self.documents),
            citation_mode=self.citation_mode,
            leaning=self.leaning,
            adapter=self.adapter,
            snapshot=self.snapshot,
            experts=tuple(expert.core() for expert in self.experts),
        )
