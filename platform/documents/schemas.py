"""What collections, documents and grants look like on the wire."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretariat.platform.documents.repository import Counts
from secretariat.platform.tables.access import Grant as GrantRow
from secretariat.platform.tables.documents import Collection as CollectionRow
from secretariat.platform.tables.documents import Document as DocumentRow
from secretariat.platform.tables.jobs import Job
from secretariat.platform.web.errors import Problem

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
    """`title`, `language` (ISO 639-1) and `dated` are what the document says of itself, once it is ready."""

    id: UUID
    collection_id: UUID
    name: str
    title: str | None
    media_type: str
    language: str | None
    dated: date | None
    source: str
    page_count: int
    bytes: int
    sha256: str
    status: DocumentStatus
    problem: Problem | None
    progress: Progress | None
    chunk_count: int
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: DocumentRow, job: Job | None) -> "Document":
        at_work = job is not None and row.status in ("queued", "processing")
        return cls(
            id=row.id,
            collection_id=row.collection_id,
            name=row.name,
            title=row.title,
            media_type=row.media_type,
            language=row.language,
            dated=row.dated,
            source=row.source,
            page_count=len(row.pages),
            bytes=row.size,
            sha256=row.sha256,
            status=row.status,
            problem=Problem.model_validate(row.problem) if row.problem else None,
            progress=Progress(done=job.progress_done, total=job.progress_total) if job and at_work else None,
            chunk_count=row.chunk_count,
            created_by=row.created_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class DocumentUpdate(Closed):
    """What is left out stays. Reading the file anew takes title and date from the file again."""

    title: str | None = Field(default=None, min_length=1, max_length=500)
    source: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    dated: date | None = Field(default=None, description="null takes the date away.")


class Facet(BaseModel):
    """How many documents have the value; null stands for those that don't say."""

    value: str | None
    count: int


class Facets(BaseModel):
    """Of the documents that grants open to the caller; most frequent first. Others are not counted."""

    statuses: list[Facet]
    media_types: list[Facet]
    languages: list[Facet]
    sources: list[Facet]

    @classmethod
    def of(cls, counts: Counts) -> "Facets":
        shown = {
            name: [Facet(value=value, count=count) for value, count in found]
            for name, found in counts.items()
        }
        return cls(
            statuses=shown["status"],
            media_types=shown["media_type"],
            languages=shown["language"],
            sources=shown["source"],
        )
