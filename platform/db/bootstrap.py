"""Roles, database and migrations of an embedded installation; migrations alone for an outside one."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "secretariat"
OWNER, APP, DISPATCHER = "secretariat_owner", "secretariat_app", "secretariat_dispatcher"


def create_roles(superuser_url: str) -> None:
    """The three roles and the database, where they don't exist yet."""
    with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
        for role in (OWNER, APP, DISPATCHER):
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if known is None:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def migrate(owner_url: str) -> None:
    """Bring the schema to the newest revision."""
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    command.upgrade(config, "head")
