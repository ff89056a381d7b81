"""What the tables of tenants are made of: columns, references inside the tenant, indexes that begin with it.

Migrations that were released depend on it: it may get more, and what is here stays as it is.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def uuid(name: str, *, nullable: bool = False) -> sa.Column[sa.UUID]:
    return sa.Column(name, sa.UUID(), nullable=nullable)


def uuids(name: str) -> sa.Column[postgresql.ARRAY[sa.UUID]]:
    return sa.Column(name, postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False)


def moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    default = None if nullable else sa.text("clock_timestamp()")
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=default, nullable=nullable)


def of_tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name, ondelete="RESTRICT")


def refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=name)


def index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_tenant_id_{column}"), table, ["tenant_id", column])
