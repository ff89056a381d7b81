"""Conversations: turns, their journals, memories and feedback; grants that share them; works on documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

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


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[sa.UUID]:
    return sa.Column(name, sa.UUID(), nullable=nullable)


def _uuids(name: str) -> sa.Column[postgresql.ARRAY[sa.UUID]]:
    return sa.Column(name, postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    default = None if nullable else sa.text("clock_timestamp()")
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=default, nullable=nullable)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name, ondelete="RESTRICT")


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=name)


def _indexed(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_tenant_id_{column}"), table, ["tenant_id", column])


def _conversations() -> None:
    op.create_table(
        "conversations",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        _uuid("title_id", nullable=True),
        _uuid("assistant_id", nullable=True),
        _uuids("collection_ids"),
        _uuid("created_by"),
        _moment("updated_at"),
        sa.Column("forgotten", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("deletion", postgresql.JSONB()),
        _tenant("conversations"),
        _to("conversations", "title_id", "contents"),
        _to("conversations", "assistant_id", "assistants"),
        _to("conversations", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_conversations")),
    )
    _indexed("conversations", "created_by", "title_id")


def _turns() -> None:
    op.create_table(
        "turns",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        _uuid("conversation_id"),
        _uuid("parent_id", nullable=True),
        _uuid("regenerates", nullable=True),
        _uuid("text_id"),
        _uuid("summary_id", nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("abstained", sa.Boolean()),
        sa.Column("remembered", sa.Boolean(), server_default="false", nullable=False),
        _uuids("document_ids"),
        sa.Column("error", postgresql.JSONB()),
        _uuid("job_id", nullable=True),
        _uuid("created_by"),
        _moment("stop_requested_at", nullable=True),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'stopped')", name=op.f("ck_turns_status")
        ),
        _tenant("turns"),
        _to("turns", "conversation_id", "conversations"),
        _to("turns", "parent_id", "turns"),
        _to("turns", "regenerates", "turns"),
        _to("turns", "text_id", "contents"),
        _to("turns", "summary_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_turns")),
    )
    op.create_index(
        op.f("ix_turns_tenant_id_conversation_id_id"), "turns", ["tenant_id", "conversation_id", "id"]
    )
    _indexed("turns", "parent_id", "text_id", "summary_id")


def _turn_events() -> None:
    op.create_table(
        "turn_events",
        _uuid("tenant_id"),
        _uuid("turn_id"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        _uuid("content_id"),
        _uuids("document_ids"),
        _moment("created_at"),
        _tenant("turn_events"),
        _to("turn_events", "turn_id", "turns"),
        _to("turn_events", "content_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "turn_id", "seq", name=op.f("pk_turn_events")),
    )
    _indexed("turn_events", "content_id")


def _turn_memories() -> None:
    op.create_table(
        "turn_memories",
        _uuid("tenant_id"),
        _uuid("turn_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        _uuid("conversation_id"),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("vector", postgresql.BYTEA(), nullable=False),
        _tenant("turn_memories"),
        _to("turn_memories", "turn_id", "turns"),
        _to("turn_memories", "conversation_id", "conversations"),
        sa.PrimaryKeyConstraint("tenant_id", "turn_id", "ordinal", name=op.f("pk_turn_memories")),
    )
    _indexed("turn_memories", "conversation_id")


def _turn_feedback() -> None:
    op.create_table(
        "turn_feedback",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        _uuid("turn_id"),
        _uuid("created_by"),
        sa.Column("thumb", sa.Text(), nullable=False),
        _uuid("words_id", nullable=True),
        _moment("updated_at"),
        sa.CheckConstraint("thumb IN ('up', 'down')", name=op.f("ck_turn_feedback_thumb")),
        _tenant("turn_feedback"),
        _to("turn_feedback", "turn_id", "turns"),
        _to("turn_feedback", "words_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_turn_feedback")),
        sa.UniqueConstraint(
            "tenant_id", "turn_id", "created_by", name=op.f("uq_turn_feedback_tenant_id_turn_id_created_by")
        ),
    )
    _indexed("turn_feedback", "words_id")


def _works() -> None:
    op.create_table(
        "works",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        sa.Column("tool", sa.Text(), nullable=False),
        _uuid("document_id", nullable=True),
        _uuid("arguments_id"),
        _uuid("result_id", nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("error", postgresql.JSONB()),
        _uuid("job_id", nullable=True),
        _uuid("created_by"),
        _moment("finished_at", nullable=True),
        sa.CheckConstraint("tool IN ('summarise', 'translate', 'classify')", name=op.f("ck_works_tool")),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed')", name=op.f("ck_works_status")
        ),
        _tenant("works"),
        _to("works", "document_id", "documents"),
        _to("works", "arguments_id", "contents"),
        _to("works", "result_id", "contents"),
        _to("works", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_works")),
    )
    _indexed("works", "document_id", "arguments_id", "result_id", "created_by")
