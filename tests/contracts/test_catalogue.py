"""What PostgreSQL itself says about isolation: not what the code means to do, but what the catalogue holds."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from secretariat.platform.tables.identity import User
from tests.support.factories import make_tenant, make_user
from tests.support.postgres import Postgres

APP, DISPATCHER = "secretariat_app", "secretariat_dispatcher"
EVIDENCE = ("audit_records", "audit_seals")
DISPATCHED = {"leases", "outbox", "schedules"}


@pytest.fixture(scope="module")
def catalogue(postgres: Postgres):
    with postgres.connect(postgres.superuser_url) as connection:
        yield connection


def rows(catalogue: psycopg.Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return catalogue.execute(query, values).fetchall()


def tenant_tables(catalogue: psycopg.Connection) -> set[str]:
    query = (
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'tenant_id'"
    )
    return {name for (name,) in rows(catalogue, query)}


def test_every_table_but_the_list_of_tenants_belongs_to_a_tenant(catalogue):
    tables = {
        name for (name,) in rows(catalogue, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    assert tables - tenant_tables(catalogue) == {"tenants", "alembic_version"}


def test_row_security_is_on_and_forced_on_every_tenant_table(catalogue):
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND relrowsecurity AND relforcerowsecurity"
    )
    assert {name for (name,) in rows(catalogue, query)} == tenant_tables(catalogue)


def test_every_policy_guards_reading_and_writing_by_the_tenant_of_the_transaction(catalogue):
    policies = rows(
        catalogue,
        "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies "
        "WHERE schemaname = 'public'",
    )
    for table in tenant_tables(catalogue):
        mine = {policy[1]: policy for policy in policies if policy[0] == table}
        assert set(mine) == {"tenant"} | ({"dispatch"} if table in DISPATCHED else set())
        _, _, _, roles, command, using, check = mine["tenant"]
        assert roles == [APP]
        assert command == "ALL"
        assert using == check
        assert "current_setting('app.tenant'" in using
        assert using.startswith("(tenant_id =")


@pytest.mark.parametrize("role", [APP, DISPATCHER])
def test_the_roles_of_the_service_own_nothing_and_bypass_nothing(catalogue, role):
    found = rows(
        catalogue,
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
        "WHERE rolname = %s",
        role,
    )
    assert found == [(False, False, False, False, False)]
    owned = rows(
        catalogue,
        "SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = %s)",
        role,
    )
    assert owned == []
    memberships = rows(
        catalogue,
        "SELECT 1 FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = %s)",
        role,
    )
    assert memberships == []


def test_the_dispatcher_reads_three_columns_and_nothing_else(catalogue):
    query = (
        "SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges "
        "WHERE grantee = %s"
    )
    expected = {(table, column, "SELECT") for table in DISPATCHED for column in ("id", "tenant_id", "due_at")}
    assert set(rows(catalogue, query, DISPATCHER)) == expected
    tables = "SELECT 1 FROM information_schema.table_privileges WHERE grantee = %s"
    assert rows(catalogue, tables, DISPATCHER) == []


def test_evidence_can_be_added_and_read_only(catalogue):
    for table in EVIDENCE:
        query = (
            "SELECT privilege_type FROM information_schema.table_privileges "
            "WHERE grantee = %s AND table_name = %s"
        )
        assert {name for (name,) in rows(catalogue, query, APP, table)} == {"SELECT", "INSERT"}
        columns = (
            "SELECT DISTINCT privilege_type FROM information_schema.column_privileges "
            "WHERE grantee = %s AND table_name = %s"
        )
        assert {name for (name,) in rows(catalogue, columns, APP, table)} == {"SELECT", "INSERT"}


def test_nobody_may_truncate_or_attach_triggers(catalogue):
    query = (
        "SELECT table_name, privilege_type FROM information_schema.table_privileges "
        "WHERE grantee IN (%s, 'PUBLIC') AND table_schema = 'public' "
        "AND privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')"
    )
    assert rows(catalogue, query, APP) == []


def test_nothing_runs_with_other_peoples_rights(catalogue):
    functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    assert rows(catalogue, functions) == []
    views = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
    )
    assert rows(catalogue, views) == []


def test_unique_keys_of_tenant_tables_begin_with_the_tenant(catalogue):
    """Otherwise a failed insert would tell that another tenant has the value."""
    query = (
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
        "WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace"
    )
    first = [(table, column) for table, column in rows(catalogue, query) if table in tenant_tables(catalogue)]
    assert first
    assert {column for _, column in first} == {"tenant_id"}


def test_foreign_keys_between_tenant_tables_carry_the_tenant(catalogue):
    """Row security doesn't apply to foreign key checks: without the tenant they would reach across."""
    query = (
        "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text, "
        "array_agg(a.attname) FROM pg_constraint c "
        "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) "
        "WHERE c.contype = 'f' GROUP BY 1, 2, 3"
    )
    for name, _, target, columns in rows(catalogue, query):
        if target in tenant_tables(catalogue):
            assert "tenant_id" in columns, name


async def test_without_a_tenant_every_table_is_empty(postgres, database):
    tenant = await make_tenant(database)
    await make_user(database, tenant)
    with postgres.connect(postgres.app_url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
        connection.execute("SELECT set_config('app.tenant', '', false)")
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


async def test_a_row_for_another_tenant_is_refused(database):
    ours, theirs = await make_tenant(database), await make_tenant(database)
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tenant(ours.id) as session:
            session.add(User(tenant_id=theirs.id, email="x@example.com", name="x"))


async def test_the_binding_ends_with_the_transaction(database):
    """The same pooled connection serves two tenants, one after the other."""
    ours, theirs = await make_tenant(database), await make_tenant(database)
    mine, other = await make_user(database, ours), await make_user(database, theirs)
    for _ in range(5):
        async with database.tenant(ours.id) as session:
            assert (await session.scalars(select(User.id))).all() == [mine.id]
        async with database.tenant(theirs.id) as session:
            assert (await session.scalars(select(User.id))).all() == [other.id]
        async with database.unbound() as unbound:
            assert (await unbound.scalars(select(User.id))).all() == []
