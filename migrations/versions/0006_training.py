"""Training as a service: jobs, examples with their lineage, metrics, adapters, their evaluations, comparisons."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.columns import index, moment, of_tenant, refers, uuid, uuids
from migrations.isolation import isolate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    "training_uploads",
    "training_jobs",
    "training_examples",
    "training_metrics",
    "adapters",
    "adapter_evaluations",
    "comparisons",
    "strategy_scores",
)
_STATUSES = "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')"
_KINDS = "kind IN ('chat', 'preference', 'text')"


def upgrade() -> None:
    _uploads()
    _jobs()
    _examples()
    _metrics()
    _adapters()
    _evaluations()
    _comparisons()
    _strategies()
    isolate(TABLES)
    op.add_column("assistants", uuid("adapter_id", nullable=True))
    op.create_foreign_key(
        op.f("fk_assistants_tenant_id_adapter_id"),
        "assistants",
        "adapters",
        ["tenant_id", "adapter_id"],
        ["tenant_id", "id"],
    )
    index("assistants", "adapter_id")
    _let_administrators_train()


def downgrade() -> None:
    op.drop_column("assistants", "adapter_id")
    op.drop_column("evaluations", "kind")
    op.drop_column("evaluations", "assistant_id")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table} CASCADE")


def _let_administrators_train() -> None:
    """The roles that came with the tenants that are there; forced security would hide them from the tables' owner."""
    op.execute("ALTER TABLE roles NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE roles SET permissions = array_append(permissions, 'training.manage') "
        "WHERE builtin AND name IN ('owner', 'admin') AND NOT 'training.manage' = ANY (permissions)"
    )
    op.execute("ALTER TABLE roles FORCE ROW LEVEL SECURITY")


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[sa.Text]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _json(name: str, *, nullable: bool = True) -> sa.Column[postgresql.JSONB]:
    return sa.Column(name, postgresql.JSONB(), nullable=nullable)


def _whole(name: str) -> sa.Column[sa.Integer]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _identified(table: str) -> list[Any]:
    return [
        uuid("tenant_id"),
        uuid("id"),
        moment("created_at"),
        of_tenant(table),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    ]


def _uploads() -> None:
    table = "training_uploads"
    op.create_table(
        table,
        *_identified(table),
        _text("name"),
        _text("kind"),
        _whole("examples"),
        uuid("content_id", nullable=True),
        uuid("created_by"),
        sa.CheckConstraint(_KINDS, name=op.f("ck_training_uploads_kind")),
        refers(table, "content_id", "contents"),
        refers(table, "created_by", "users"),
    )
    index(table, "content_id", "created_by")


def _jobs() -> None:
    table = "training_jobs"
    op.create_table(
        table,
        *_identified(table),
        _text("name"),
        _text("recipe"),
        _text("model"),
        _json("sources", nullable=False),
        _json("settings", nullable=False),
        _text("status", default="queued"),
        _whole("examples"),
        _whole("held_out"),
        _json("progress"),
        _json("result"),
        sa.Column("seconds", sa.Float(), server_default="0", nullable=False),
        _json("error"),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("started_at", nullable=True),
        moment("finished_at", nullable=True),
        sa.CheckConstraint("recipe IN ('sft', 'dpo', 'svf')", name=op.f("ck_training_jobs_recipe")),
        sa.CheckConstraint(_STATUSES, name=op.f("ck_training_jobs_status")),
        refers(table, "created_by", "users"),
    )
    index(table, "created_by")


def _examples() -> None:
    table = "training_examples"
    op.create_table(
        table,
        *_identified(table),
        uuid("training_job_id"),
        _whole("ordinal"),
        _text("kind"),
        _text("origin"),
        uuid("document_id", nullable=True),
        uuid("turn_id", nullable=True),
        uuid("feedback_id", nullable=True),
        uuid("comparison_id", nullable=True),
        uuid("upload_id", nullable=True),
        uuids("document_ids"),
        uuids("person_ids"),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        uuid("content_id", nullable=True),
        moment("erased_at", nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_training_examples_kind")),
        sa.CheckConstraint(
            "origin IN ('document', 'feedback', 'comparison', 'upload')",
            name=op.f("ck_training_examples_origin"),
        ),
        refers(table, "training_job_id", "training_jobs"),
        refers(table, "content_id", "contents"),
        sa.UniqueConstraint(
            "tenant_id",
            "training_job_id",
            "ordinal",
            name=op.f("uq_training_examples_tenant_id_training_job_id_ordinal"),
        ),
    )
    index(table, "content_id", "turn_id", "document_id")


def _metrics() -> None:
    table = "training_metrics"
    op.create_table(
        table,
        uuid("tenant_id"),
        uuid("training_job_id"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _json("line", nullable=False),
        moment("at"),
        of_tenant(table),
        refers(table, "training_job_id", "training_jobs"),
        sa.PrimaryKeyConstraint("tenant_id", "training_job_id", "seq", name=op.f("pk_training_metrics")),
    )


def _adapters() -> None:
    table = "adapters"
    op.create_table(
        table,
        *_identified(table),
        uuid("training_job_id"),
        _text("name"),
        _text("recipe"),
        _text("model"),
        _text("kind"),
        _text("digest"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        uuid("blob_id", nullable=True),
        sa.Column("gap", sa.Float()),
        _text("status", default="made"),
        _json("retraining"),
        uuid("created_by"),
        sa.CheckConstraint("kind IN ('lora', 'svf')", name=op.f("ck_adapters_kind")),
        sa.CheckConstraint(
            "status IN ('made', 'passed', 'refused', 'deleted')", name=op.f("ck_adapters_status")
        ),
        refers(table, "training_job_id", "training_jobs"),
        refers(table, "blob_id", "blobs"),
        sa.UniqueConstraint(
            "tenant_id", "training_job_id", name=op.f("uq_adapters_tenant_id_training_job_id")
        ),
    )
    index(table, "blob_id")


def _evaluations() -> None:
    table = "adapter_evaluations"
    op.create_table(
        table,
        *_identified(table),
        uuid("adapter_id"),
        _text("status", default="queued"),
        _whole("questions"),
        uuid("words_id", nullable=True),
        uuid("answers_id", nullable=True),
        _json("result"),
        sa.Column("passed", sa.Boolean()),
        _json("error"),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("finished_at", nullable=True),
        sa.CheckConstraint(_STATUSES, name=op.f("ck_adapter_evaluations_status")),
        refers(table, "adapter_id", "adapters"),
        refers(table, "words_id", "contents"),
        refers(table, "answers_id", "contents"),
        refers(table, "created_by", "users"),
    )
    index(table, "adapter_id", "words_id", "answers_id", "created_by")


def _comparisons() -> None:
    table = "comparisons"
    op.create_table(
        table,
        *_identified(table),
        uuid("prompt_id", nullable=True),
        uuid("a_id", nullable=True),
        uuid("b_id", nullable=True),
        _json("sides", nullable=False),
        _text("status", default="queued"),
        _text("choice", nullable=True),
        _json("error"),
        uuid("job_id", nullable=True),
        uuid("created_by"),
        moment("chosen_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'ready', 'chosen', 'failed', 'erased')", name=op.f("ck_comparisons_status")
        ),
        sa.CheckConstraint("choice IN ('a', 'b', 'tie', 'neither')", name=op.f("ck_comparisons_choice")),
        refers(table, "prompt_id", "contents"),
        refers(table, "a_id", "contents"),
        refers(table, "b_id", "contents"),
        refers(table, "created_by", "users"),
    )
    index(table, "created_by", "prompt_id", "a_id", "b_id")


def _strategies() -> None:
    """Evaluations that ask for answers: what each way to answer made of a question."""
    op.add_column("evaluations", _text("kind", default="search"))
    op.create_check_constraint(op.f("ck_evaluations_kind"), "evaluations", "kind IN ('search', 'strategies')")
    op.add_column("evaluations", uuid("assistant_id", nullable=True))
    table = "strategy_scores"
    op.create_table(
        table,
        uuid("tenant_id"),
        uuid("evaluation_id"),
        uuid("question_id"),
        _text("strategy"),
        _text("outcome"),
        sa.Column("answerable", sa.Boolean(), nullable=False),
        sa.Column("f1", sa.Float(), nullable=False),
        sa.Column("cited", sa.Boolean()),
        sa.Column("kept", sa.Boolean()),
        _whole("prompt_tokens"),
        _whole("answer_tokens"),
        sa.Column("seconds", sa.Float(), nullable=False),
        of_tenant(table),
        refers(table, "evaluation_id", "evaluations"),
        refers(table, "question_id", "questions"),
        sa.CheckConstraint(
            "outcome IN ('right', 'wrong', 'abstained')", name=op.f("ck_strategy_scores_outcome")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "evaluation_id", "question_id", "strategy", name=op.f("pk_strategy_scores")
        ),
    )
    index(table, "question_id")
