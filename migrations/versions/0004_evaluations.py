"""Evaluations: sets of questions with the documents that answer them, and what measuring search with them gave."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.columns import index, moment, of_tenant, refers, uuid, uuids
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


def _question_sets() -> None:
    op.create_table(
        "question_sets",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        uuid("created_by"),
        moment("deleted_at", nullable=True),
        of_tenant("question_sets"),
        refers("question_sets", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_question_sets")),
    )
    index("question_sets", "created_by")


def _questions() -> None:
    op.create_table(
        "questions",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        uuid("question_set_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        uuid("content_id", nullable=True),
        of_tenant("questions"),
        refers("questions", "question_set_id", "question_sets"),
        refers("questions", "content_id", "contents"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_questions")),
        sa.UniqueConstraint(
            "tenant_id",
            "question_set_id",
            "ordinal",
            name=op.f("uq_questions_tenant_id_question_set_id_ordinal"),
        ),
    )
    index("questions", "content_id")


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        uuid("question_set_id"),
        sa.Column("configurations", postgresql.ARRAY(sa.Text()), nullable=False),
        uuids("collection_ids"),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("result", postgresql.JSONB()),
        sa.Column("error", postgresql.JSONB()),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("started_at", nullable=True),
        moment("finished_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_evaluations_status"),
        ),
        of_tenant("evaluations"),
        refers("evaluations", "question_set_id", "question_sets"),
        refers("evaluations", "created_by", "users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_evaluations")),
    )
    index("evaluations", "question_set_id", "created_by")


def _evaluation_scores() -> None:
    op.create_table(
        "evaluation_scores",
        uuid("tenant_id"),
        uuid("evaluation_id"),
        uuid("question_id"),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.Column("ndcg_at_10", sa.Float(), nullable=False),
        sa.Column("recall_at_10", sa.Float(), nullable=False),
        sa.Column("recall_at_100", sa.Float(), nullable=False),
        sa.Column("mrr", sa.Float(), nullable=False),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.Column("index_seq", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        uuids("document_ids"),
        sa.Column("required", postgresql.JSONB(), server_default="[]", nullable=False),
        of_tenant("evaluation_scores"),
        refers("evaluation_scores", "evaluation_id", "evaluations"),
        refers("evaluation_scores", "question_id", "questions"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "evaluation_id", "question_id", "configuration", name=op.f("pk_evaluation_scores")
        ),
    )
    index("evaluation_scores", "question_id")
