"""The messages of a conversation and the documents that it is grounded in."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, Tag

from secretariat.models.core import ChatMessage, GroundingDocument, Role
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


class Document(Wire):
    id: DocumentId
    text: str
    title: str = ""
    weight: LogOdds = 0.0

    def core(self) -> GroundingDocument:
        return GroundingDocument(self.id, self.text, self.title, self.weight)
