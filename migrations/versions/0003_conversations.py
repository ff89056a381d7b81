"""Conversations: turns, their journals, memories and feedback; grants that share them; works on documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.columns import index, moment, of_tenant, refers, uuid, uuids
from migrations.isolation import isolate

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("conversations", "turns", "turn_events", "turn_memories", "turn_feedback", "works")


def upgrade() -> None:
    op.drop_constraint(op.f("ck_grants_resource_type"), "grants")
    op.create_check_constraint(
        op.f("ck_grants_resource_type"),
        "grants",
        "resource_type IN ('collection', 'document', 'conversation')",
    )
    _conversations()
    _turns()
    _turn_events()
    _turn_memories()
    _turn_feedback()
    _works()
    isolate(TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DELETE FROM grants WHERE resource_type = 'conversation'")
    op.drop_constraint(op.f("ck_grants_resource_type"), "grants")
    op.create_check_constraint(
        op.f("ck_grants_resource_type"), "grants", "resource_type IN ('collection', 'document')"
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        uuid("title_id", nullable=True),
        uuid("assistant_id", nullable=True),
        uuids("collection_ids"),
        uuid("created_by"),
        moment("updated_at"),
        sa.Column("forgotten", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("deletion", postgresql.JSONB()),
        of_tenant("conversations"),
        refers("conversations", "title_id", "contents"),
        refers("conversations", "assistant_id", "assistants"),
        refers("conversations", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_conversations")),
    )
    index("conversations", "created_by", "title_id")


def _turns() -> None:
    op.create_table(
        "turns",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        uuid("conversation_id"),
        uuid("parent_id", nullable=True),
        uuid("regenerates", nullable=True),
        uuid("text_id"),
        uuid("summary_id", nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("abstained", sa.Boolean()),
        sa.Column("remembered", sa.Boolean(), server_default="false", nullable=False),
        uuids("document_ids"),
        sa.Column("error", postgresql.JSONB()),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("stop_requested_at", nullable=True),
        moment("started_at", nullable=True),
        moment("finished_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'stopped')", name=op.f("ck_turns_status")
        ),
        of_tenant("turns"),
        refers("turns", "conversation_id", "conversations"),
        refers("turns", "parent_id", "turns"),
        refers("turns", "regenerates", "turns"),
        refers("turns", "text_id", "contents"),
        refers("turns", "summary_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_turns")),
    )
    op.create_index(
        op.f("ix_turns_tenant_id_conversation_id_id"), "turns", ["tenant_id", "conversation_id", "id"]
    )
    index("turns", "parent_id", "text_id", "summary_id")


def _turn_events() -> None:
    op.create_table(
        "turn_events",
        uuid("tenant_id"),
        uuid("turn_id"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        uuid("content_id"),
        uuids("document_ids"),
        moment("created_at"),
        of_tenant("turn_events"),
        refers("turn_events", "turn_id", "turns"),
        refers("turn_events", "content_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "turn_id", "seq", name=op.f("pk_turn_events")),
    )
    index("turn_events", "content_id")


def _turn_memories() -> None:
    op.create_table(
        "turn_memories",
        uuid("tenant_id"),
        uuid("turn_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        uuid("conversation_id"),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("vector", postgresql.BYTEA(), nullable=False),
        of_tenant("turn_memories"),
        refers("turn_memories", "turn_id", "turns"),
        refers("turn_memories", "conversation_id", "conversations"),
        sa.PrimaryKeyConstraint("tenant_id", "turn_id", "ordinal", name=op.f("pk_turn_memories")),
    )
    index("turn_memories", "conversation_id")


def _turn_feedback() -> None:
    op.create_table(
        "turn_feedback",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        uuid("turn_id"),
        uuid("created_by"),
        sa.Column("thumb", sa.Text(), nullable=False),
        uuid("words_id", nullable=True),
        moment("updated_at"),
        sa.CheckConstraint("thumb IN ('up', 'down')", name=op.f("ck_turn_feedback_thumb")),
        of_tenant("turn_feedback"),
        refers("turn_feedback", "turn_id", "turns"),
        refers("turn_feedback", "words_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_turn_feedback")),
        sa.UniqueConstraint(
            "tenant_id", "turn_id", "created_by", name=op.f("uq_turn_feedback_tenant_id_turn_id_created_by")
        ),
    )
    index("turn_feedback", "words_id")


def _works() -> None:
    op.create_table(
        "works",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        sa.Column("tool", sa.Text(), nullable=False),
        uuid("document_id", nullable=True),
        uuid("arguments_id"),
        uuid("result_id", nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("error", postgresql.JSONB()),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("finished_at", nullable=True),
        sa.CheckConstraint("tool IN ('summarise', 'translate', 'classify')", name=op.f("ck_works_tool")),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed')", name=op.f("ck_works_status")
        ),
        of_tenant("works"),
        refers("works", "document_id", "documents"),
        refers("works", "arguments_id", "contents"),
        refers("works", "result_id", "contents"),
        refers("works", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_works")),
    )
    index("works", "document_id", "arguments_id", "result_id", "created_by")
