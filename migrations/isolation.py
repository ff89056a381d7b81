"""Row-level security for a tenant's tables, and who may touch what; every later table comes here too."""

from collections.abc import Iterable

from alembic import op

APP = "secretariat_app"
DISPATCHER = "secretariat_dispatcher"
_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"


def isolate(tables: Iterable[str], *, grants: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Rows are seen and written only under their own tenant, also by the tables' owner."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} TO {APP} "
            f"USING (tenant_id = {_TENANT}) WITH CHECK (tenant_id = {_TENANT})"
        )
        op.execute(f"GRANT {grants} ON {table} TO {APP}")


def dispatch(tables: Iterable[str]) -> None:
    """The dispatcher may learn which row of which tenant is due when, and nothing else."""
    for table in tables:
        op.execute(f"CREATE POLICY dispatch ON {table} FOR SELECT TO {DISPATCHER} USING (true)")
        op.execute(f"GRANT SELECT (id, tenant_id, due_at) ON {table} TO {DISPATCHER}")
