"""What collections, documents, chunks, grants and passages look like on the wire."""

import hashlib
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.platform.tables.access import Grant as GrantRow
from secretariat.platform.tables.documents import ChunkRow
from secretariat.platform.tables.documents import Collection as CollectionRow
from secretariat.platform.tables.documents import Document as DocumentRow
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import Problem
from secretariat.retrieval.core import Passage as FoundPassage
from secretariat.retrieval.core import SearchResult

DocumentStatus = Literal["queued", "processing", "ready", "rejected", "deleted"]
PRINCIPAL = r"^(everyone|(user|group):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"


class Closed(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class CollectionCreate(Closed):
    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    private: bool = Field(default=False, description="Open it to its maker alone instead of to everyone.")


class CollectionUpdate(Closed):
    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)


class Collection(BaseModel):
    id: UUID
    name: str
    description: str
    document_count: int
    created_at: datetime

    @classmethod
    def of(cls, row: CollectionRow, document_count: int) -> "Collection":
        return cls(
            id=row.id,
            name=row.name,
            description=row.description,
            document_count=document_count,
            created_at=row.created_at,
        )


class GrantCreate(Closed):
    principal: str = Field(pattern=PRINCIPAL, description="`user:<id>`, `group:<id>` or `everyone`.")
    effect: Literal["allow", "deny"] = "allow"


class Grant(BaseModel):
    id: UUID
    principal: str
    effect: Literal["allow", "deny"]
    created_at: datetime

    @classmethod
    def of(cls, row: GrantRow) -> "Grant":
        return cls.model_validate(row, from_attributes=True)


class Progress(BaseModel):
    done: int
    total: int


class Document(BaseModel):
    id: UUID
    collection_id: UUID
    name: str
    media_type: str
    bytes: int
    sha256: str
    status: DocumentStatus
    problem: Problem | None
    progress: Progress | None
    chunk_count: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: DocumentRow, job: Job | None) -> "Document":
        at_work = job is not None and row.status in ("queued", "processing")
        return cls(
            id=row.id,
            collection_id=row.collection_id,
            name=row.name,
            media_type=row.media_type,
            bytes=row.size,
            sha256=row.sha256,
            status=row.status,
            problem=Problem.model_validate(row.problem) if row.problem else None,
            progress=Progress(done=job.progress_done, total=job.progress_total) if job and at_work else None,
            chunk_count=row.chunk_count,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class PageSpan(BaseModel):
    """Page `number` is the characters [start, end) of the text."""

    number: int
    start: int
    end: int


class DocumentText(BaseModel):
    title: str
    text: str
    pages: list[PageSpan]


class Chunk(BaseModel):
    """`text` is the document's text at [start, end)."""

    id: UUID
    ordinal: int
    start: int
    end: int
    text: str
    heading_path: list[str]
    page: int | None
    sha256: str

    @classmethod
    def of(cls, row: ChunkRow, text: str, heading_path: list[str]) -> "Chunk":
        return cls(
            id=row.id,
            ordinal=row.ordinal,
            start=row.start,
            end=row.end,
            text=text,
            heading_path=heading_path,
            page=row.page,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )


class SearchQuery(Closed):
    query: str = Field(min_length=1, max_length=4000)
    limit: int = Field(default=8, ge=1, le=50)
    collection_ids: list[UUID] | None = Field(default=None, max_length=100)


class Passage(BaseModel):
    chunk_id: UUID
    document_id: UUID
    document: str
    start: int
    end: int
    text: str
    heading_path: list[str]
    page: int | None
    score: float

    @classmethod
    def of(cls, found: FoundPassage) -> "Passage":
        chunk = found.chunk
        return cls(
            chunk_id=chunk.id,
            document_id=chunk.document_id,
            document=chunk.document_title,
            start=chunk.span.start,
            end=chunk.span.end,
            text=chunk.text,
            heading_path=list(chunk.heading_path),
            page=chunk.page,
            score=found.score,
        )


class Passages(BaseModel):
    """Best first. `allowed` and `denied` count the ready documents within and out of the caller's reach."""

    passages: list[Passage]
    index_seq: int
    allowed: int
    denied: int

    @classmethod
    def of(cls, result: SearchResult) -> "Passages":
        return cls(
            passages=[Passage.of(passage) for passage in result.passages],
            index_seq=result.index_seq,
            allowed=result.allowed,
            denied=result.denied,
        )
