"""Conversations, their turns and the journals of these, what is remembered of them, and feedback."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class ConversationRow(Identified, Base):
    """`collection_ids` empty means all that the asker may read. Once it is deleted its words are gone and
    `forgotten` lists their {ref, commitment}; `deletion` says when, by whom and under which record."""

    __tablename__ = "conversations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "title_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "assistant_id"], ["assistants.tenant_id", "assistants.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        Index(None, "tenant_id", "created_by"),
        Index(None, "tenant_id", "title_id"),
    )

    title_id: Mapped[UUID | None]
    assistant_id: Mapped[UUID | None]
    collection_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    forgotten: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    deletion: Mapped[dict[str, Any] | None]


class TurnRow(Identified, Base):
    """One thing that was said and its answer. Turns of one parent are branches; those with `regenerates` are
    other answers to the text of that turn. `summary_id`: what was said before the window that ends here.
    """

    __tablename__ = "turns"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "parent_id"], ["turns.tenant_id", "turns.id"]),
        ForeignKeyConstraint(["tenant_id", "regenerates"], ["turns.tenant_id", "turns.id"]),
        ForeignKeyConstraint(["tenant_id", "text_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "summary_id"], ["contents.tenant_id", "contents.id"]),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'stopped')", name="status"),
        Index(None, "tenant_id", "conversation_id", "id"),
        Index(None, "tenant_id", "parent_id"),
        Index(None, "tenant_id", "text_id"),
        Index(None, "tenant_id", "summary_id"),
    )

    conversation_id: Mapped[UUID]
    parent_id: Mapped[UUID | None]
    regenerates: Mapped[UUID | None]
    text_id: Mapped[UUID]
    summary_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="queued")
    abstained: Mapped[bool | None]
    remembered: Mapped[bool] = mapped_column(server_default="false")
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    stop_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class TurnEventRow(TenantRow, Base):
    """One event of a turn's journal; `content_id` holds the event as JSON.

    `document_ids`: the documents whose words may stand in it, which are all that the turn had seen by then.
    """

    __tablename__ = "turn_events"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "turn_id"], ["turns.tenant_id", "turns.id"]),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "content_id"),
    )

    turn_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    content_id: Mapped[UUID]
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class TurnMemoryRow(TenantRow, Base):
    """A sentence that somebody said in a turn: its place in the turn's text, and its embedding (float32)."""

    __tablename__ = "turn_memories"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "turn_id"], ["turns.tenant_id", "turns.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"]
        ),
        Index(None, "tenant_id", "conversation_id"),
    )

    turn_id: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    conversation_id: Mapped[UUID]
    start: Mapped[int]
    end: Mapped[int]
    vector: Mapped[bytes]


class TurnFeedbackRow(Identified, Base):
    """What a person thought of an answer; `words_id` holds JSON {correction, comment}."""

    __tablename__ = "turn_feedback"
    __table_args__ = (
        UniqueConstraint("tenant_id", "turn_id", "created_by"),
        ForeignKeyConstraint(["tenant_id", "turn_id"], ["turns.tenant_id", "turns.id"]),
        ForeignKeyConstraint(["tenant_id", "words_id"], ["contents.tenant_id", "contents.id"]),
        CheckConstraint("thumb IN ('up', 'down')", name="thumb"),
        Index(None, "tenant_id", "words_id"),
    )

    turn_id: Mapped[UUID]
    created_by: Mapped[UUID]
    thumb: Mapped[str]
    words_id: Mapped[UUID | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class WorkRow(Identified, Base):
    """One tool carried out on a document or a text, outside of any task: a summary, a translation, labels.

    `arguments_id` and `result_id` hold JSON. Without `document_id` the words came with the request.
    """

    __tablename__ = "works"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"]),
        ForeignKeyConstraint(["tenant_id", "arguments_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "result_id"], ["contents.tenant_id", "contents.id"]),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("tool IN ('summarise', 'translate', 'classify')", name="tool"),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed')", name="status"),
        Index(None, "tenant_id", "document_id"),
        Index(None, "tenant_id", "arguments_id"),
        Index(None, "tenant_id", "result_id"),
        Index(None, "tenant_id", "created_by"),
    )

    tool: Mapped[str]
    document_id: Mapped[UUID | None]
    arguments_id: Mapped[UUID]
    result_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="queued")
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    finished_at: Mapped[datetime | None]
