"""Examples as the training process reads them, lines of JSON, and which of them are held out. Pure.

chat {id, messages}: the last message, the assistant's, is learnt. preference {id, messages, chosen,
rejected}. text {id, text}.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from secretariat.models.core import ChatMessage, Role
from secretariat.platform.evaluation.overlap import words
from secretariat.platform.training.schemas import ExampleKind, Origin, Recipe

MOST_LINES = 20_000
LEARNS: dict[Recipe, frozenset[ExampleKind]] = {
    "sft": frozenset({"chat", "text"}),
    "svf": frozenset({"chat", "text"}),
    "dpo": frozenset({"preference"}),
}
_ROLES = frozenset(get_args(Role))
_FEW_GROUPS = 5


class ExamplesFileError(Exception):
    """A file of examples that can't be used; the message names the line."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An example before it is stored. Those of one `group` are held out together, or not at all: what is measured
    with must not stand in what was learnt."""

    kind: ExampleKind
    origin: Origin
    record: dict[str, Any]
    group: str
    document_id: UUID | None = None
    turn_id: UUID | None = None
    feedback_id: UUID | None = None
    comparison_id: UUID | None = None
    upload_id: UUID | None = None
    document_ids: tuple[UUID, ...] = field(default=())
    person_ids: tuple[UUID, ...] = field(default=())


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: str
    content: str = Field(min_length=1, max_length=100_000)

    @field_validator("role")
    @classmethod
    def _known(cls, role: str) -> str:
        if role not in _ROLES:
            raise ValueError("is system, user or assistant")
        return role


class _Chat(BaseModel):
    model_config = ConfigDict(extra="forbid")

    messages: list[_Message] = Field(min_length=2, max_length=100)

    @field_validator("messages")
    @classmethod
    def _answered(cls, messages: list[_Message]) -> list[_Message]:
        if messages[-1].role != "assistant":
            raise ValueError("ends with the assistant's message, which is what is learnt")
        return messages


class _Preference(BaseModel):
    model_config = ConfigDict(extra="forbid")

    messages: list[_Message] = Field(min_length=1, max_length=100)
    chosen: str = Field(min_length=1, max_length=100_000)
    rejected: str = Field(min_length=1, max_length=100_000)


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=200_000)


_SHAPES: dict[ExampleKind, type[BaseModel]] = {"chat": _Chat, "preference": _Preference, "text": _Text}


def read_lines(data: bytes) -> tuple[ExampleKind, list[dict[str, Any]]]:
    """The kind of all lines of a file, and their records. Raises ExamplesFileError."""
    kind: ExampleKind | None = None
    records = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        found, record = _read(number, line)
        if kind not in (None, found):
            raise ExamplesFileError(f"Line {number} is of another kind ({found}) than those before ({kind}).")
        kind = found
        records.append(record)
        if len(records) > MOST_LINES:
            raise ExamplesFileError(f"There are more than {MOST_LINES} examples.")
    if kind is None:
        raise ExamplesFileError("There are no examples.")
    return kind, records


def _read(number: int, line: bytes) -> tuple[ExampleKind, dict[str, Any]]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ExamplesFileError(f"Line {number} isn't JSON.") from error
    if not isinstance(value, dict):
        raise ExamplesFileError(f"Line {number} isn't an object.")
    value.pop("id", None)
    kind: ExampleKind = "text" if "text" in value else "preference" if "chosen" in value else "chat"
    try:
        read = _SHAPES[kind].model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ExamplesFileError(f"Line {number}: {place} {first['msg']}.") from error
    return kind, read.model_dump()


def held_out(drafts: Sequence[Draft], share: float, seed: int) -> list[bool]:
    """Which are held out: about `share` of the groups, at least one and, unless all ask the same, never all; by a
    hash, so that an example falls on the same side however many others come and go. Few groups are parted by
    their examples. Those that ask the same stay together."""
    asked = [_asked(draft) for draft in drafts]
    keys = _joined([draft.group for draft in drafts], asked)
    if len(set(keys)) < _FEW_GROUPS:
        keys = asked
    order = sorted(set(keys), key=lambda key: _place(key, seed))
    most = max(1, min(len(order) - 1, round(share * len(order))))
    chosen = set(order[:most])
    return [key in chosen for key in keys]


def _asked(draft: Draft) -> str:
    question = question_of(draft.kind, draft.record)
    told = [draft.record["text"]] if question is None else [each.content for each in question[0]]
    return "\n".join(" ".join(words(each)) for each in told)


def _joined(groups: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The group of each, where groups that have a question in common are one, named by the first of them."""
    leader = {group: group for group in groups}

    def first(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    holder: dict[str, str] = {}
    for group, question in zip(groups, asked, strict=True):
        leader[first(group)] = first(holder.setdefault(question, group))
    return [first(group) for group in groups]


def _place(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{key}".encode()).hexdigest()


def question_of(kind: str, record: dict[str, Any]) -> tuple[tuple[ChatMessage, ...], str] | None:
    """What to ask a model, and the answer to compare with; None for a text, which asks nothing."""
    if kind == "text":
        return None
    told = record["messages"] if kind == "preference" else record["messages"][:-1]
    expected = record["chosen"] if kind == "preference" else record["messages"][-1]["content"]
    return tuple(ChatMessage(each["role"], each["content"]) for each in told), expected
