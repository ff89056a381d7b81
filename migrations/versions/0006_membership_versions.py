"""Who is in which group decides what grants come to: such a change gives the grants another version, too."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHANGES = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}


def upgrade() -> None:
    for change, rows in CHANGES.items():
        op.execute(
            f"CREATE TRIGGER version_after_{change.lower()} AFTER {change} ON group_members "
            f"REFERENCING {rows} TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION give_grants_a_version()"
        )


def downgrade() -> None:
    for change in CHANGES:
        op.execute(f"DROP TRIGGER version_after_{change.lower()} ON group_members")
