"""The messages of a conversation and the documents that it is grounded in."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, Tag, field_validator

from secretariat.models.core import ChatMessage, GroundingDocument, Role, Sentence
from secretariat.models.serving.wire.base import Wire, told_apart

# What a citation's markup separates ids with can't be part of one.
DocumentId = Annotated[str, StringConstraints(pattern=r"^[^\s,<>:]{1,128}$")]


class TextPart(Wire):
    type: Literal["text"]
    text: str


class Message(Wire):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        Annotated[str, Tag("text")] | Annotated[list[TextPart], Tag("list")], told_apart("text", "list")
    ]

    def core(self) -> ChatMessage:
        parts = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content)
        role: Role = "system" if self.role == "developer" else self.role
        return ChatMessage(role, parts)


Messages = Annotated[list[Message], Field(min_length=1, max_length=1024)]


LogOdds = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class WeighedSentence(Wire):
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    weight: LogOdds


class Document(Wire):
    id: DocumentId
    text: str
    title: str = ""
    weight: LogOdds = 0.0
    sentences: tuple[WeighedSentence, ...] = ()

    @field_validator("sentences")
    @classmethod
    def _one_after_the_other(cls, sentences: tuple[WeighedSentence, ...]) -> tuple[WeighedSentence, ...]:
        at = 0
        for each in sentences:
            if not at <= each.start < each.end:
                raise ValueError("sentences are in order, none is empty and none overlaps another")
            at = each.end
        return sentences

    def core(self) -> GroundingDocument:
        sentences = tuple(Sentence(each.start, each.end, each.weight) for each in self.sentences)
        return GroundingDocument(self.id, self.text, self.title, self.weight, sentences)
