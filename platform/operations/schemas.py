"""How a background job reads on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

JobStatus = Literal["queued", "running", "done", "failed", "cancelled", "quarantined"]


class JobSubject(BaseModel):
    """`name` is empty for a document that the reader may not read."""

    type: str
    id: UUID
    name: str


class JobProgress(BaseModel):
    done: int
    total: int


class JobView(BaseModel):
    """`eta_s` is an estimate from the pace so far; null until there is one."""

    id: UUID
    kind: str
    queue: str
    subject: JobSubject
    status: JobStatus
    attempt: int
    progress: JobProgress
    eta_s: float | None
    cancel_requested: bool
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
