"""Conversations to learn from, one JSON object a line; the last message is what is learnt.

Knows no tokens: how a record is laid out is the engine's own way, by `documents` and the model's template.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from secretariat.models.core import ChatMessage, Constraint, GroundingDocument
from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Conversation:
    """`documents` are laid before the last question, as the engine lays them. `origin`: which set or generator.
    `constraint`: what whoever asks it holds the answer to; nothing is learnt of it, and it isn't written."""

    id: str
    messages: tuple[ChatMessage, ...]
    documents: tuple[GroundingDocument, ...] = ()
    origin: str = ""
    constraint: Constraint | None = field(default=None, compare=False)

    @property
    def learnt(self) -> str:
        return self.messages[-1].content

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text that a model would see in it."""
        return (*(message.content for message in self.messages), *(each.text for each in self.documents))

    def as_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": self.id,
            "messages": [{"role": each.role, "content": each.content} for each in self.messages],
            "origin": self.origin,
        }
        if self.documents:
            record["documents"] = [
                {"id": each.id, "title": each.title, "text": each.text} for each in self.documents
            ]
        return record

    @classmethod
    def of_json(cls, record: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError for what isn't such a record."""
        messages = tuple(ChatMessage(str(each["role"]), str(each["content"])) for each in record["messages"])  # type: ignore[arg-type]
        if not messages or messages[-1].role != "assistant":
            raise ValueError("the last message isn't the assistant's")
        documents = tuple(
            GroundingDocument(str(each["id"]), str(each["text"]), str(each.get("title", "")))
            for each in record.get("documents", ())
        )
        return cls(str(record["id"]), messages, documents, str(record.get("origin", "")))


def write(path: Path, conversations: Iterable[Conversation]) -> int:
    """How many were written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for each in conversations:
            out.write(json.dumps(each.as_json(), ensure_ascii=False) + "\n")
            count += 1
    return count


def read(path: Path) -> Iterator[Conversation]:
    """Raises ModelError training_invalid, with the line."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parsed(path, number, line)
    except OSError as error:
        raise ModelError("training_invalid", f"{path} can't be read: {error.strerror}") from error


def _parsed(path: Path, number: int, line: str) -> Conversation:
    try:
        return Conversation.of_json(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "training_invalid", f"{path}, line {number}: not a conversation ({error})"
        ) from error
