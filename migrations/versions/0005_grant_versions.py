"""Each change to a tenant's grants gives them another version, so that what they came to may be remembered.

Who is in which group decides what grants come to: such a change gives the grants another version, too.
"""

from itertools import product

import sqlalchemy as sa
from alembic import op

from migrations.isolation import isolate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WATCHED = ("grants", "group_members")
CHANGES = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}


def upgrade() -> None:
    op.create_table(
        "grant_versions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_grant_versions_tenant_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_grant_versions")),
    )
    # Documents that are read in anew: asked for at each search.
    op.create_index(
        "ix_documents_unready",
        "documents",
        ["tenant_id"],
        postgresql_where=sa.text("status <> 'ready' AND chunk_count > 0"),
    )
    isolate(["grant_versions"], grants="SELECT, INSERT, UPDATE")
    # The row's lock lasts until the commit: of two changes at once the later one's version stays.
    op.execute(
        """
        CREATE FUNCTION give_grants_a_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO grant_versions (tenant_id, version)
            SELECT tenant_id, gen_random_uuid() FROM (SELECT DISTINCT tenant_id FROM changed) AS tenants
            ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version;
            RETURN NULL;
        END
        $$
        """
    )
    for table, (change, rows) in product(WATCHED, CHANGES.items()):
        op.execute(
            f"CREATE TRIGGER version_after_{change.lower()} AFTER {change} ON {table} "
            f"REFERENCING {rows} TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION give_grants_a_version()"
        )


def downgrade() -> None:
    for table, change in product(WATCHED, CHANGES):
        op.execute(f"DROP TRIGGER version_after_{change.lower()} ON {table}")
    op.execute("DROP FUNCTION give_grants_a_version()")
    op.drop_table("grant_versions")
    op.drop_index("ix_documents_unready", table_name="documents")
