"""What becomes of an adapter that serves when examples of it are erased; how many examples a job left out."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "adapters", sa.Column("after_erasure", sa.Text(), server_default="unpublish", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_adapters_after_erasure"), "adapters", "after_erasure IN ('unpublish', 'keep')"
    )
    op.add_column("training_jobs", sa.Column("left_out", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("adapters", "after_erasure")
    op.drop_column("training_jobs", "left_out")
