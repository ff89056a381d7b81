"""Collections, documents and the chunk log that the indexes are views of."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class Collection(Identified, Base):
    """A collection that was deleted stays as a row, because its deleted documents refer to it."""

    __tablename__ = "collections"
    __table_args__ = (
        Index(None, "tenant_id", "name", unique=True, postgresql_where=text("deleted_at IS NULL")),
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[UUID | None]
    deleted_at: Mapped[datetime | None]


class Document(Identified, Base):
    """`text_id` and `pages` are there once the document is ready; `problem` once it is rejected.

    `language` (ISO 639-1) and `dated` are what the document says of itself; `layout_id` holds where its lines
    stand on its pages, `notes` what the reader of its report should know.
    """

    __tablename__ = "documents"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "collection_id"], ["collections.tenant_id", "collections.id"]),
        ForeignKeyConstraint(["tenant_id", "blob_id"], ["blobs.tenant_id", "blobs.id"]),
        ForeignKeyConstraint(["tenant_id", "text_id"], ["contents.tenant_id", "contents.id"]),
        CheckConstraint("status IN ('queued', 'processing', 'ready', 'rejected', 'deleted')", name="status"),
        ForeignKeyConstraint(["tenant_id", "layout_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "collection_id"),
        Index(None, "tenant_id", "text_id"),
        Index(None, "tenant_id", "layout_id"),
        Index(
            "ix_documents_unready",
            "tenant_id",
            postgresql_where=text("status <> 'ready' AND chunk_count > 0"),
        ),
    )

    collection_id: Mapped[UUID]
    name: Mapped[str]
    title: Mapped[str | None]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    blob_id: Mapped[UUID]
    text_id: Mapped[UUID | None]
    pages: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    status: Mapped[str] = mapped_column(server_default="queued")
    problem: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    chunk_count: Mapped[int] = mapped_column(Integer, server_default="0")
    created_by: Mapped[UUID | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    language: Mapped[str | None]
    dated: Mapped[date | None]
    source: Mapped[str] = mapped_column(server_default="upload")
    layout_id: Mapped[UUID | None]
    notes: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")


class ChunkRow(Identified, Base):
    """A chunk in the log. `content_id` holds JSON {text, heading_path}; `vector` is float32, little-endian.

    `seq` says when it was written, `tombstone_seq` when it went away. With the words go `content_id` and
    `vector`; what is left says only that there was a chunk. `fingerprint` (ContentStore.fingerprint) is what
    audit records call it by; without the tenant's key it tells nothing. `key` is ChunkDraft.key, the name
    under which the chunk is found again when its document is read anew; `signature` says which chunks are
    nearly the same.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"]),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "seq", unique=True),
        Index(None, "tenant_id", "tombstone_seq"),
        Index(None, "tenant_id", "document_id", "ordinal"),
        Index(None, "tenant_id", "content_id"),
    )

    collection_id: Mapped[UUID]
    document_id: Mapped[UUID]
    content_id: Mapped[UUID | None]
    ordinal: Mapped[int] = mapped_column(Integer)
    start: Mapped[int]
    end: Mapped[int]
    page: Mapped[int | None] = mapped_column(Integer)
    fingerprint: Mapped[str]
    vector: Mapped[bytes]
    seq: Mapped[int]
    tombstone_seq: Mapped[int | None]
    key: Mapped[str] = mapped_column(server_default="")
    signature: Mapped[int | None]


class ChunkHead(TenantRow, Base):
    """The last sequence number of a tenant's chunk log. Its row lock orders the writers' commits."""

    __tablename__ = "chunk_heads"

    seq: Mapped[int] = mapped_column(server_default="0")


class IndexSnapshot(Identified, Base):
    """A snapshot on disk that a process may load before it replays the tail above `seq`."""

    __tablename__ = "index_snapshots"

    seq: Mapped[int]
    path: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
