"""A real PostgreSQL for the test session: started from its wheel, roles made, migrated by Alembic."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from secretariat.platform.db import bootstrap
from secretariat.platform.db.session import Database
from secretariat.platform.embedded.postgres import SUPERUSER, EmbeddedPostgres


@dataclass(frozen=True)
class Postgres:
    """URLs for SQLAlchemy, one for each role, all on the same migrated database."""

    app_url: str
    owner_url: str
    dispatcher_url: str
    superuser_url: str

    def connect(self, url: str) -> psycopg.Connection:
        """A plain connection, for tests that look at the catalogue or attack the tables."""
        return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    directory = Path(tempfile.mkdtemp(prefix="secretariat-pg-"))
    directory.chmod(0o755)  # as root, the server runs as another user
    server = EmbeddedPostgres(directory / "data")
    server.start()
    try:
        superuser_url = server.url(SUPERUSER, "postgres")
        _hurry(superuser_url)
        bootstrap.create_roles(superuser_url)
        owner_url = server.url(bootstrap.OWNER, bootstrap.DATABASE)
        bootstrap.migrate(owner_url)
        yield Postgres(
            app_url=server.url(bootstrap.APP, bootstrap.DATABASE),
            owner_url=owner_url,
            dispatcher_url=server.url(bootstrap.DISPATCHER, bootstrap.DATABASE),
            superuser_url=server.url(SUPERUSER, bootstrap.DATABASE),
        )
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _hurry(superuser_url: str) -> None:
    """Tests need no durability against power cuts."""
    with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    """The database as the service sees it (role secretariat_app)."""
    made = Database(postgres.app_url, pool_size=10, max_overflow=20)
    yield made
    await made.close()
