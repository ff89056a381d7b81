"""What tasks, their events and artefacts look like on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.agents.core import CitationClaim, PlanStep, TaskEvent
from secretariat.platform.tasks.journal import JournalEvent
from secretariat.platform.tasks.policies import Sight
from secretariat.platform.tasks.withhold import without_counts, without_documents, without_words

TaskStatus = Literal["queued", "running", "completed", "failed", "cancelled"]


class TaskCreate(BaseModel):
    """`collection_ids` left out means all that the caller may read, or those of the assistant."""

    model_config = ConfigDict(extra="forbid")

    request: str = Field(min_length=1, max_length=20_000, pattern=r"\S")
    assistant_id: UUID | None = None
    collection_ids: list[UUID] = Field(default_factory=list, max_length=100)


class ArtifactRef(BaseModel):
    """`title` is null where the words are withheld."""

    id: UUID
    title: str | None


class Artifact(BaseModel):
    """`title` and `text` are null where they are `withheld`."""

    id: UUID
    title: str | None
    media_type: str
    text: str | None
    withheld: bool


class TaskError(BaseModel):
    code: str
    message: str


class Task(BaseModel):
    """`plan`, `answer`, `abstained` and `citations` are there once the journal has them.

    `withheld`: words are left out, because the reader may not read them. `request` is null in someone else's
    task. In one's own, `answer` is null and quotes are empty where they come from documents that were deleted
    or may not be read any more.
    """

    id: UUID
    request: str | None
    withheld: bool
    status: TaskStatus
    assistant_id: UUID | None
    collection_ids: list[UUID]
    created_by: UUID
    plan: list[PlanStep] | None
    answer: str | None
    abstained: bool | None
    citations: list[CitationClaim]
    artifacts: list[ArtifactRef]
    error: TaskError | None
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class TaskEventView(BaseModel):
    """One event of the journal. `seq` counts from 1 without gaps.

    `withheld`: words of the payload are empty, because the reader may not read them: it is someone else's
    task, or they come from documents that were deleted or may not be read any more.
    """

    seq: int
    type: str
    at: datetime
    payload: TaskEvent
    withheld: bool

    @classmethod
    def of(cls, entry: JournalEvent, sight: Sight, hidden: frozenset[UUID]) -> "TaskEventView":
        """`hidden`: the documents that the reader may not read now."""
        if sight.words:
            event = without_documents(entry.event, entry.documents, hidden)
        else:
            event = without_words(entry.event)
        told = event if sight.counts else without_counts(event)
        return cls(seq=entry.seq, type=event.type, at=entry.at, payload=told, withheld=event != entry.event)


class TaskEvents(BaseModel):
    """In the order in which they happened; ask again with `after=last_id`."""

    object: Literal["list"] = "list"
    data: list[TaskEventView]
    first_id: int | None
    last_id: int | None
    has_more: bool


SSE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The journal: a stream that ends with the task, or a list with Accept: application/json",
        "content": {
            "text/event-stream": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/TaskEvents"}},
        },
    }
}
