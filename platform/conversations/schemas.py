"""What conversations, turns, shares and feedback look like on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.agents.conversation.core import Cost, Recollection, Route, TurnEvent, TurnKind
from secretariat.agents.core import CitationClaim
from secretariat.platform.tables.access import Grant

TurnStatus = Literal["queued", "running", "completed", "failed", "stopped"]
Thumb = Literal["up", "down"]
_LONGEST_TEXT = 20_000


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConversationCreate(_Closed):
    """`collection_ids` left out means all that the caller may read, or those of the assistant."""

    title: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"\S")
    collection_ids: list[UUID] = Field(default_factory=list, max_length=100)
    assistant_id: UUID | None = None


class ConversationUpdate(_Closed):
    title: str = Field(min_length=1, max_length=200, pattern=r"\S")


class TurnCreate(_Closed):
    """`parent_id` is the turn that this one follows on; left out, the newest. A turn under a parent that has
    others begins a branch; null asks anew from the beginning."""

    text: str = Field(min_length=1, max_length=_LONGEST_TEXT, pattern=r"\S")
    parent_id: UUID | None = None


class FeedbackCreate(_Closed):
    """`correction` is what the answer should have been."""

    thumb: Thumb
    correction: str | None = Field(default=None, min_length=1, max_length=_LONGEST_TEXT)
    comment: str | None = Field(default=None, min_length=1, max_length=_LONGEST_TEXT)


class Feedback(BaseModel):
    id: UUID
    turn_id: UUID
    thumb: Thumb
    correction: str | None
    comment: str | None
    updated_at: datetime


class TurnError(BaseModel):
    code: str
    message: str


class RouteView(BaseModel):
    """How the answer was looked for, why, and what either way would have cost."""

    route: Route
    reason: str
    search: Cost | None
    whole_documents: Cost | None


class TurnBeside(BaseModel):
    """Another question after the same turn or, with `regenerates`, another answer to the text of that turn."""

    id: UUID
    regenerates: UUID | None


class Turn(BaseModel):
    """`kind`, `question`, `answer`, `abstained` and `citations` are there once the journal has them.

    `question` is the text as it stands alone. Turns with the same `regenerates` are other answers to the text of
    that turn; `beside` are all that follow on the same one, itself among them, what was said first first.
    `recalled` are words from earlier in the conversation that the answer quotes. `withheld`: words are left out,
    because they come from documents that were deleted or that the reader may not read (any more).
    """

    id: UUID
    conversation_id: UUID
    parent_id: UUID | None
    regenerates: UUID | None
    beside: list[TurnBeside]
    text: str
    kind: TurnKind | None
    question: str | None
    status: TurnStatus
    answer: str | None
    abstained: bool | None
    citations: list[CitationClaim]
    recalled: list[Recollection]
    route: RouteView | None
    error: TurnError | None
    feedback: Feedback | None
    withheld: bool
    stop_requested: bool
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Conversation(BaseModel):
    """`title` is null until something was said. `own`: the caller's, to go on with."""

    id: UUID
    title: str | None
    own: bool
    assistant_id: UUID | None
    collection_ids: list[UUID]
    turn_count: int
    created_by: UUID
    created_at: datetime
    updated_at: datetime


class TurnEventView(BaseModel):
    """One event of a turn's journal. `seq` counts from 1 without gaps. `withheld`: words are left out."""

    seq: int
    type: str
    at: datetime
    payload: TurnEvent
    withheld: bool


class TurnEvents(BaseModel):
    """In the order in which they happened; ask again with `after=last_id`."""

    object: Literal["list"] = "list"
    data: list[TurnEventView]
    first_id: int | None
    last_id: int | None
    has_more: bool


class ShareCreate(_Closed):
    """`principal` is `user:<id>`, `group:<id>` or `everyone`; a deny beats any allow."""

    principal: str = Field(pattern=r"^(everyone|(user|group):[0-9a-f-]{36})$")
    effect: Literal["allow", "deny"] = "allow"


class Share(BaseModel):
    """A grant to read the conversation; `deny` closes it to who would have it through a group."""

    id: UUID
    principal: str
    effect: Literal["allow", "deny"]
    created_by: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, row: Grant) -> "Share":
        return cls.model_validate(row, from_attributes=True)


class Forgotten(BaseModel):
    """Words that were deleted: the reference that audit records have, and the commitment to them."""

    ref: UUID
    commitment: str


class DeletionReceipt(BaseModel):
    """Proof of a deletion. `commitments_sha256` is SHA-256 over the sorted commitments, joined by line feeds; it
    stands in the audit record `record_id`, too. `remaining`: how many of the words are still stored."""

    conversation_id: UUID
    deleted_at: datetime
    deleted_by: UUID
    record_id: UUID
    turns: int
    commitments_sha256: str
    remaining: int
    verified: bool
    forgotten: list[Forgotten]


class ExportedTurn(BaseModel):
    """A turn as it is exported, citations with their places."""

    id: UUID
    parent_id: UUID | None
    regenerates: UUID | None
    at: datetime
    text: str
    question: str | None
    status: TurnStatus
    answer: str | None
    abstained: bool | None
    citations: list[CitationClaim]
    recalled: list[Recollection]
    feedback: Feedback | None


class ConversationExport(BaseModel):
    """`format_version` grows when a field changes its meaning."""

    format_version: Literal["1"] = "1"
    id: UUID
    title: str | None
    created_at: datetime
    exported_at: datetime
    turns: list[ExportedTurn]


SSE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The turn's journal: a stream that ends with it, or a list with Accept: application/json",
        "content": {
            "text/event-stream": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/TurnEvents"}},
        },
    }
}
EXPORT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The conversation as a file",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ConversationExport"}},
            "text/markdown": {"schema": {"type": "string"}},
        },
    }
}
