"""Questions with the documents that answer them, and what came of measuring search with them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class QuestionSet(Identified, Base):
    """`left_out`: how many questions of its file named no document. A set that was deleted stays as a row,
    because evaluations refer to it; its words are gone."""

    __tablename__ = "question_sets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        Index(None, "tenant_id", "created_by"),
    )

    name: Mapped[str]
    questions: Mapped[int] = mapped_column(Integer)
    left_out: Mapped[int] = mapped_column(Integer)
    created_by: Mapped[UUID]
    deleted_at: Mapped[datetime | None]


class QuestionRow(Identified, Base):
    """`content_id` holds JSON {name, text, required: {document: gain}, answers}."""

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "question_set_id", "ordinal"),
        ForeignKeyConstraint(
            ["tenant_id", "question_set_id"], ["question_sets.tenant_id", "question_sets.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "content_id"], ["contents.tenant_id", "contents.id"]),
        Index(None, "tenant_id", "content_id"),
    )

    question_set_id: Mapped[UUID]
    ordinal: Mapped[int] = mapped_column(Integer)
    content_id: Mapped[UUID | None]


class EvaluationRow(Identified, Base):
    """Search, or ways to answer (`kind`), measured with a set of questions, under what the person who asked for it
    may read.

    `configurations`: of search, or the strategies. `collection_ids` empty means all that they may read.
    `assistant_id`: whose model and adapter answered; it may be gone since. `result` (scoring.summary, or
    strategies.scoring.summary) is there once it is completed; `job_id` says how far it is.
    """

    __tablename__ = "evaluations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "question_set_id"], ["question_sets.tenant_id", "question_sets.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "created_by"], ["users.tenant_id", "users.id"]),
        CheckConstraint("status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="status"),
        CheckConstraint("kind IN ('search', 'strategies')", name="kind"),
        Index(None, "tenant_id", "question_set_id"),
        Index(None, "tenant_id", "created_by"),
    )

    question_set_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(server_default="search")
    configurations: Mapped[list[str]]
    collection_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    status: Mapped[str] = mapped_column(server_default="queued")
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    job_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    assistant_id: Mapped[UUID | None]


class EvaluationScore(TenantRow, Base):
    """What one configuration made of one question.

    `document_ids`: what it found first, best first. `required`: in the order of the question's documents, of each
    {document_id, rank}: null and null where the person can't read it, rank null where it wasn't found.
    `allowed`: how many documents were in reach.
    """

    __tablename__ = "evaluation_scores"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "evaluation_id"], ["evaluations.tenant_id", "evaluations.id"]),
        ForeignKeyConstraint(["tenant_id", "question_id"], ["questions.tenant_id", "questions.id"]),
        Index(None, "tenant_id", "question_id"),
    )

    evaluation_id: Mapped[UUID] = mapped_column(primary_key=True)
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    configuration: Mapped[str] = mapped_column(primary_key=True)
    ndcg_at_10: Mapped[float]
    recall_at_10: Mapped[float]
    recall_at_100: Mapped[float]
    mrr: Mapped[float]
    milliseconds: Mapped[float]
    index_seq: Mapped[int]
    allowed: Mapped[int] = mapped_column(Integer)
    document_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    required: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")


class StrategyScore(TenantRow, Base):
    """What one strategy made of one question; the answer itself isn't kept.

    `f1`: words shared with the nearest expected answer. `cited`: whether a required document was cited, null where
    the strategy sees no documents or didn't answer. `kept`: whether the answer was still right without its
    documents, null where that wasn't asked.
    """

    __tablename__ = "strategy_scores"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "evaluation_id"], ["evaluations.tenant_id", "evaluations.id"]),
        ForeignKeyConstraint(["tenant_id", "question_id"], ["questions.tenant_id", "questions.id"]),
        CheckConstraint("outcome IN ('right', 'wrong', 'abstained')", name="outcome"),
        Index(None, "tenant_id", "question_id"),
    )

    evaluation_id: Mapped[UUID] = mapped_column(primary_key=True)
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    strategy: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    answerable: Mapped[bool]
    f1: Mapped[float]
    cited: Mapped[bool | None]
    kept: Mapped[bool | None]
    prompt_tokens: Mapped[int] = mapped_column(Integer)
    answer_tokens: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float]
