"""How records, verdicts and exports read on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator


class ContentReference(BaseModel):
    """Words kept apart: `commitment` is SHA-256 over a secret salt and the words."""

    ref: UUID
    role: str
    commitment: str
    media_type: str
    bytes: int


class Integrity(BaseModel):
    """`sealed` is false for up to a second after the record was written."""

    sealed: bool
    prev_hash: str | None
    hash: str | None


class AuditRecordView(BaseModel):
    id: UUID
    seq: int | None
    time: datetime
    event_type: str
    action: str
    outcome: Literal["success", "failure", "denied"]
    actor: dict[str, Any]
    resource: dict[str, Any] | None
    task_id: UUID | None
    request_id: str | None
    details: dict[str, Any]
    content: list[ContentReference]
    integrity: Integrity


class RevealedContent(BaseModel):
    """`text` is null when the words are forgotten, and then `forgotten` says so."""

    ref: UUID
    role: str
    media_type: str
    text: str | None
    forgotten: bool


class RecordContent(BaseModel):
    record_id: UUID
    content: list[RevealedContent]


class ChainHead(BaseModel):
    seq: int
    hash: str
    at: datetime | None


class ChainBreak(BaseModel):
    seq: int
    reason: str


class ChainVerdict(BaseModel):
    verified: bool
    records: int
    head: ChainHead
    unsealed: int
    first_bad: ChainBreak | None


class ExportRequest(BaseModel):
    """Records with from <= time < to."""

    window_from: Annotated[AwareDatetime, Field(alias="from")]
    window_to: Annotated[AwareDatetime, Field(alias="to")]

    @model_validator(mode="after")
    def _ordered(self) -> "ExportRequest":
        if min(self.window_from.year, 10_000 - self.window_to.year) < 2:
            raise ValueError("the years lie outside of the calendar")
        if self.window_from >= self.window_to:
            raise ValueError("`from` must lie before `to`")
        return self


class ExportView(BaseModel):
    id: UUID
    status: Literal["queued", "running", "done", "failed"]
    window_from: Annotated[datetime, Field(serialization_alias="from")]
    window_to: Annotated[datetime, Field(serialization_alias="to")]
    records: int | None
    sha256: str | None
    bytes: int | None
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None
