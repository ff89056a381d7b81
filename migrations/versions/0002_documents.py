"""What documents say of themselves: language, date, where their lines stand; chunks that are found again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("language", sa.Text()))
    op.add_column("documents", sa.Column("dated", sa.Date()))
    op.add_column("documents", sa.Column("source", sa.Text(), server_default="upload", nullable=False))
    op.add_column("documents", sa.Column("layout_id", postgresql.UUID(as_uuid=True)))
    op.add_column("documents", sa.Column("notes", postgresql.JSONB(), server_default="[]", nullable=False))
    op.create_foreign_key(
        op.f("fk_documents_tenant_id_layout_id"),
        "documents",
        "contents",
        ["tenant_id", "layout_id"],
        ["tenant_id", "id"],
    )
    op.create_index(op.f("ix_documents_tenant_id_layout_id"), "documents", ["tenant_id", "layout_id"])
    op.add_column("chunks", sa.Column("key", sa.Text(), server_default="", nullable=False))
    op.add_column("chunks", sa.Column("signature", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("chunks", "signature")
    op.drop_column("chunks", "key")
    op.drop_index(op.f("ix_documents_tenant_id_layout_id"), table_name="documents")
    op.drop_constraint(op.f("fk_documents_tenant_id_layout_id"), "documents")
    for column in ("notes", "layout_id", "source", "dated", "language"):
        op.drop_column("documents", column)
