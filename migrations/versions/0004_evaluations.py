"""Evaluations: sets of questions with the documents that answer them, and what measuring search with them gave."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.isolation import isolate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("question_sets", "questions", "evaluations", "evaluation_scores")


def upgrade() -> None:
    _question_sets()
    _questions()
    _evaluations()
    _evaluation_scores()
    isolate(TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table} CASCADE")


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


def _question_sets() -> None:
    op.create_table(
        "question_sets",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        _uuid("created_by"),
        _moment("deleted_at", nullable=True),
        _tenant("question_sets"),
        _to("question_sets", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_question_sets")),
    )
    _indexed("question_sets", "created_by")


def _questions() -> None:
    op.create_table(
        "questions",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        _uuid("question_set_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        _uuid("content_id", nullable=True),
        _tenant("questions"),
        _to("questions", "question_set_id", "question_sets"),
        _to("questions", "content_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_questions")),
        sa.UniqueConstraint(
            "tenant_id",
            "question_set_id",
            "ordinal",
            name=op.f("uq_questions_tenant_id_question_set_id_ordinal"),
        ),
    )
    _indexed("questions", "content_id")


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        _uuid("tenant_id"),
        _uuid("id"),
        _moment("created_at"),
        _uuid("question_set_id"),
        sa.Column("configurations", postgresql.ARRAY(sa.Text()), nullable=False),
        _uuids("collection_ids"),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("result", postgresql.JSONB()),
        sa.Column("error", postgresql.JSONB()),
        _uuid("job_id", nullable=True),
        _uuid("created_by"),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_evaluations_status"),
        ),
        _tenant("evaluations"),
        _to("evaluations", "question_set_id", "question_sets"),
        _to("evaluations", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_evaluations")),
    )
    _indexed("evaluations", "question_set_id", "created_by")


def _evaluation_scores() -> None:
    op.create_table(
        "evaluation_scores",
        _uuid("tenant_id"),
        _uuid("evaluation_id"),
        _uuid("question_id"),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.Column("ndcg_at_10", sa.Float(), nullable=False),
        sa.Column("recall_at_10", sa.Float(), nullable=False),
        sa.Column("recall_at_100", sa.Float(), nullable=False),
        sa.Column("mrr", sa.Float(), nullable=False),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.Column("index_seq", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        _uuids("document_ids"),
        sa.Column("required", postgresql.JSONB(), server_default="[]", nullable=False),
        _tenant("evaluation_scores"),
        _to("evaluation_scores", "evaluation_id", "evaluations"),
        _to("evaluation_scores", "question_id", "questions"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "evaluation_id", "question_id", "configuration", name=op.f("pk_evaluation_scores")
        ),
    )
    _indexed("evaluation_scores", "question_id")
